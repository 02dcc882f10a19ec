// How the desk talks to the server. Everything that knows Gradio's `server` object is here,
// so that another transport can take its place.

const FUNCTION_PREFIX = "desk_";
const QUIET_MS = 60;
const RETRY_MS = 1200;

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

// Requests of one kind of which only the newest matters: at most one is in flight, the newest
// one waits, an older waiting one is forgotten, and answers before a `drop` are ignored.
function makeLane(call, name, answered, failed) {
  let last = 0;
  let floor = 0;
  let flying = null;
  let waiting = null;

  async function pump() {
    if (flying || !waiting) return;
    const job = waiting;
    waiting = null;
    flying = job;
    let answer = null;
    let problem = null;
    try {
      answer = await call(name, { seq: job.seq, ...job.payload });
    } catch (error) {
      problem = error;
    }
    flying = null;
    pump();
    if (job.seq <= floor) return;
    if (problem) failed(problem, job.payload);
    else if (answer.seq === job.seq) answered(answer, job.payload);
  }

  return {
    ask(payload) {
      last += 1;
      waiting = { seq: last, payload };
      pump();
    },
    drop() {
      waiting = null;
      floor = last;
    },
    busy() {
      return Boolean(waiting || (flying && flying.seq > floor));
    },
  };
}

// The live path: the main frame first; the ladder only once it has settled, and never twice.
// `hooks` are {frame(answer), details(answer), failed(error, recipe), changed()}.
function makeLive(transport, hooks) {
  let wanted = null;
  let shown = null;
  let retrying = 0;

  const frames = makeLane(transport.call, "render", (answer, payload) => {
    shown = payload.recipe;
    hooks.frame(answer);
    if (shown === wanted) quiet.ask();
    hooks.changed();
  }, (error, payload) => {
    if (payload.recipe !== wanted) return;
    if (error.code === "network") retry(payload.recipe);
    hooks.failed(error, payload.recipe);
    hooks.changed();
  });

  const extras = makeLane(transport.call, "details", (answer, payload) => {
    if (payload.recipe === wanted) hooks.details(answer);
    hooks.changed();
  }, (error, payload) => {
    // The main frame reports a lost server; a ladder that failed alone is worth a word.
    if (payload.recipe === wanted && error.code !== "network") hooks.failed(error, null);
    hooks.changed();
  });

  const quiet = later(QUIET_MS, () => {
    if (shown === wanted && wanted) extras.ask({ recipe: wanted });
    hooks.changed();
  });

  function retry(recipe) {
    clearTimeout(retrying);
    retrying = setTimeout(() => {
      if (recipe === wanted && shown !== wanted) frames.ask({ recipe });
    }, RETRY_MS);
  }

  function halt() {
    clearTimeout(retrying);
    quiet.drop();
    extras.drop();
  }

  return {
    // Ask for the picture of a recipe.
    show(recipe) {
      halt();
      wanted = recipe;
      frames.ask({ recipe });
      hooks.changed();
    },
    // The picture of this recipe is already on the screen: ask for the rest only.
    adopt(recipe) {
      halt();
      frames.drop();
      wanted = recipe;
      shown = recipe;
      quiet.ask();
      hooks.changed();
    },
    settled() {
      return wanted !== null && shown === wanted && !frames.busy() && !extras.busy()
        && !quiet.waiting();
    },
  };
}
