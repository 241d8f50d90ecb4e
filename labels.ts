/** Label of the Swarm node that has the stack's volumes. The launcher and `host prepare` set it; stateful services ask for it. */
export const DATA_NODE_LABEL = "fitnesscrm.data";
