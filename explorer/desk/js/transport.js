// How the desk calls the server by name. Everything that knows Gradio's `server` object is here;
// frames under a drag go over the socket.

const FUNCTION_PREFIX = "desk_";

class DeskError extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

function makeTransport(server) {
  // Resolves to the answer, or rejects with a DeskError whose message is for a person.
  async function call(name, payload) {
    let answer;
    try {
      answer = await server[FUNCTION_PREFIX + name](payload);
    } catch (problem) {
      answer = undefined;
    }
    if (answer === undefined || answer === null) {
      throw new DeskError("The server did not answer. Is it still running? Nothing of yours "
        + "is lost: the desk asks again when you change something.", "network");
    }
    if (answer.error) throw new DeskError(answer.error, answer.code || "internal");
    return answer;
  }
  return { call };
}
