import { type DockerHost, words } from "./docker";

/**
 * Ends a stack's database at once. Only for one whose data is to be removed and whose archive is gone: told to stop, the server would
 * first try for a minute and a half to send the last of its log there.
 */
export async function endDatabase(docker: DockerHost, stack: string): Promise<void> {
  const db = (await docker.services(stack)).find(({ service }) => service === "db");
  if (db === undefined) {
    return;
  }
  // First, or the engine would start another one.
  await docker.runChecked(`service ${db.name}`, ["service", "scale", "--detach", `${db.name}=0`]);
  const containers = await docker.runChecked("containers of db", [
    ...["container", "ls", "--quiet", "--filter", `label=fitnesscrm.stack=${stack}`],
    ...["--filter", "label=fitnesscrm.service=db"],
  ]);
  for (const container of words(containers)) {
    // One that has ended by itself meanwhile is what was wanted.
    await docker.run(["container", "kill", container]);
  }
}
