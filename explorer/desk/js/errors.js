// Errors whose message is for a person.

export class DeskError extends Error {
  /**
   * @param {string} message
   * @param {string} code what kind of error it is, as the server names it
   */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/**
 * The code of an error; "" where it is none of ours.
 * @param {unknown} problem
 */
export function codeOf(problem) {
  return problem instanceof DeskError ? problem.code : "";
}
