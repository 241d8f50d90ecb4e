/** The task `certificates` in the container of ops. */
import { requireChallenges, requireServed } from "./edge";
import { askForCertificate } from "./lego";
import type { CertificateSettings } from "./settings";
import type { CertificateParts } from "./work";

/** nginx's group in its image, of which this container's user is a member. */
const READERS = 997;

export function certificateParts(
  settings: CertificateSettings,
  environment: NodeJS.ProcessEnv = process.env,
): CertificateParts {
  // Ports inside the containers: the host's may differ.
  const edge = { host: environment.OPS_EDGE_HOST ?? "nginx", port: 80, tlsPort: 443 };
  return {
    settings,
    folder: environment.OPS_CERTIFICATES ?? "/certificates",
    readers: READERS,
    now: () => new Date(),
    ask: askForCertificate,
    challengesServed: (webroot, signal) => requireChallenges(edge, webroot, signal),
    served: (name, fingerprint, signal) => requireServed(edge, name, fingerprint, signal),
  };
}
