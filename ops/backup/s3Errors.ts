/** What an error of S3, or of the way there, means. */

/** An object, or the bucket, that is not there: asking again does not help. */
export function isMissing(error: unknown): boolean {
  const name = error instanceof Error ? error.name : "";
  return name === "NotFound" || name === "NoSuchKey";
}

export function isGoneUpload(error: unknown): boolean {
  return error instanceof Error && error.name === "NoSuchUpload";
}

/** Whether asking again may help: S3 or the way there is broken, not the question. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { $metadata, code } = error as { $metadata?: { httpStatusCode?: number }; code?: unknown };
  // An upload in parts that S3 no longer knows begins anew.
  if (isGoneUpload(error)) return true;
  const status = $metadata?.httpStatusCode;
  if (status !== undefined && status >= 400) {
    return status >= 500 || status === 408 || status === 429;
  }
  // Errors of the file system have a path; those of the network have not.
  if ("path" in error) return false;
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(isPassing);
  const passing =
    /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN|ERR_STREAM_PREM)/;
  return (
    (typeof code === "string" && passing.test(code)) ||
    /^(TimeoutError|NetworkingError|RequestTimeout|SlowDown|InternalError|ServiceUnavailable)$/.test(
      error.name,
    ) ||
    /socket hang up|aborted|premature close|Content-Length/i.test(error.message)
  );
}

/** The SDK tells of its own parts and settings instead. */
export function sayingSilence(reason: string): string {
  const silent = /the request socket timed out after (\d+) ms of inactivity/.exec(reason);
  return silent === null ? reason : `no answer for ${Math.round(Number(silent[1]) / 1000)} s`;
}
