import type { HostStep } from "../step";

/** Where the database's volume is: its services are held to this node. */
const LABEL = "fitnesscrm.data";

/** Asks the nodes of the Swarm, and says nothing when this one is not a manager. */
const LABELLED = `labelled() {
  for node in $(docker node ls --quiet 2>/dev/null); do
    [ "$(docker node inspect --format '{{index .Spec.Labels "${LABEL}"}}' "$node")" != true ] || echo "$node"
  done
}
`;

/**
 * A Swarm of this one node; a Swarm that is there already is kept.
 *
 * It advertises the server's own address and listens on all of them: a Swarm that listens on one address does not come
 * up when the provider gives the server another. The firewall keeps its ports closed.
 */
export function swarmStep(): HostStep {
  return {
    name: "Swarm",
    check: `${LABELLED}state=$(docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}' 2>/dev/null || echo none)
case "$state" in
  'active true')
    if [ -z "$(labelled)" ]; then need "label this node ${LABEL}=true"; fi
    have "$(docker node ls --quiet | wc -l) node(s)"
    ;;
  'active false') fail "the server is a worker of another Swarm: name a manager in fitnesscrm:host, or run docker swarm leave there" ;;
  inactive*|none*) need "form a Swarm of one node"; need "label this node ${LABEL}=true" ;;
  *) fail "its Swarm is in state \${state% *}: unlock or repair it (docker info there says more)" ;;
esac
`,
    apply: `${LABELLED}if [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" = inactive ]; then
  has ip || install_packages iproute2
  # Addresses for documentation: the route is looked up, nothing is sent.
  address=$( (ip -4 route get 192.0.2.1 || ip -6 route get 2001:db8::1) 2>/dev/null | sed -n 's/.* src \\([^ ]*\\).*/\\1/p')
  [ -n "$address" ] || fail "the server has no address with a default route: set its network up first"
  # Its answer holds the token to join, which is nobody's business.
  docker swarm init --advertise-addr "$address" >/dev/null
  did "formed a Swarm of one node at $address"
fi
if [ -z "$(labelled)" ]; then
  docker node update --label-add ${LABEL}=true "$(docker info --format '{{.Swarm.NodeID}}')" >/dev/null
  did "labelled this node ${LABEL}=true"
fi
`,
  };
}

/** Less than this and backups, images and logs fill the disk within days. */
const LEAST_FREE_GIB = 10;

/** Warns, since a person has to act. Volumes and images share this file system. */
export function spaceStep(): HostStep {
  return {
    name: "disk space",
    check: `folder=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null || :)
[ -n "$folder" ] || folder=/var/lib/docker
while [ ! -d "$folder" ]; do folder=\${folder%/*}; folder=\${folder:-/}; done
free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1048576) }')
[ "$free" -ge ${LEAST_FREE_GIB} ] || warn "only $free GiB are free at $folder, images, volumes and backups want ${LEAST_FREE_GIB} or more: enlarge the disk"
have "$free GiB free at $folder"
`,
  };
}
