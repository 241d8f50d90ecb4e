import { connect } from "node:tls";
import type { DeploymentRecord } from "../deployments/record";
import { type Check, HealthMonitor } from "../health";
import type { Skipped } from "./run";

const DAY = 86_400_000;
/** Whoever has not renewed by then is told by the alarm as well. */
const CERTIFICATE_DAYS = 14;

/** @throws Error of one line that names every part that does not work. */
export async function healthy(checks: Readonly<Record<string, Check>>, timeoutMs: number): Promise<string> {
  const monitor = new HealthMonitor({ checks, intervalMs: 60_000, timeoutMs });
  await monitor.round();
  const { components } = monitor.report();
  const ill = components.filter((component) => !component.healthy);
  if (ill.length > 0) {
    throw new Error(ill.map(({ name, reason }) => `${name}: ${reason}`).join("; "));
  }
  return `${components.map(({ name }) => name).join(", ")} work`;
}

/** A page that answers, also by sending its reader on. */
export function pageCheck(url: string, timeoutMs: number): Check {
  return async () => {
    const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    if (answer.status < 200 || answer.status >= 400) {
      throw new Error(`${url} answered ${answer.status}`);
    }
    return undefined;
  };
}

/**
 * New images come by CI or the launcher, through Pulumi: ops has no Docker socket and changes none. It says what was deployed last.
 *
 * @param deployed The newest deployment; null when there is none.
 * @throws Error when that one failed: an update ended half way.
 */
export function describeImages(
  deployed: Pick<DeploymentRecord, "attempt" | "endedAt" | "by" | "result" | "reason"> | null,
  now: Date,
): string | Skipped {
  const says = "images are refreshed by CI or the launcher";
  if (deployed === null) {
    return { skipped: `${says}; no deployment is on record` };
  }
  const days = Math.floor((now.getTime() - Date.parse(deployed.endedAt)) / DAY);
  const last = `the last deployment is ${deployed.attempt} by ${deployed.by}, ${days} ${days === 1 ? "day" : "days"} ago`;
  if (deployed.result === "failed") {
    throw new Error(
      `${last}, and it failed (${deployed.reason ?? "no reason is on record"}): run ./fitnesscrm up`,
    );
  }
  return `${says}; ${last}`;
}

/** Days until the certificate at an address expires. @throws Error of one line. */
export async function certificateDays(url: URL, now: Date, timeoutMs: number): Promise<number> {
  const host = url.hostname;
  const port = Number(url.port || 443);
  return new Promise((resolve, reject) => {
    // What is wrong with it is the page's business; here it counts for how long it is good.
    const socket = connect({ host, port, servername: host, rejectUnauthorized: false }, () => {
      const { valid_to: until } = socket.getPeerCertificate();
      socket.destroy();
      const left = (Date.parse(until) - now.getTime()) / DAY;
      return Number.isNaN(left) ? reject(new Error(`${url.origin} shows no certificate`)) : resolve(left);
    });
    socket.setTimeout(timeoutMs, () =>
      socket.destroy(new Error(`${url.origin} gave no answer within ${timeoutMs} ms`)),
    );
    socket.on("error", reject);
  });
}

/** @throws Error for a certificate that must be renewed. */
export async function checkCertificate(
  publicUrl: string,
  now: Date,
  timeoutMs: number,
): Promise<string | Skipped> {
  const url = new URL(publicUrl);
  if (url.protocol !== "https:") {
    return { skipped: `${publicUrl} has no certificate` };
  }
  const days = Math.floor(await certificateDays(url, now, timeoutMs));
  if (days < CERTIFICATE_DAYS) {
    throw new Error(`the certificate of ${publicUrl} has ${days} days left: renew it`);
  }
  return `the certificate of ${publicUrl} has ${days} days left`;
}
