/** Role as which the application logs in while the password of its own role is replaced, e.g. `fitnesscrm_app_spare`. */
export function spareRoleName(database: string): string {
  return `${database}_app_spare`;
}
