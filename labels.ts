/** Label of the Swarm node that has the stack's volumes. The launcher and `host prepare` set it; stateful services ask for it. */
export const DATA_NODE_LABEL = "fitnesscrm.data";

/** Label of what `components/images/build.sh` has built: the repository part of its tag, such as `fitnesscrm-prod/backend`. */
export const IMAGE_LABEL = "fitnesscrm.image";
