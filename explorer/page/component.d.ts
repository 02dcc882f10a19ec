// What Gradio gives to the script of a component, and what Strata leaves on the window.

/** Functions of the server by name, from one JSON object to one. */
export type Server = Record<string, (request: unknown) => Promise<unknown>>;

export interface Component {
  element: HTMLElement;
  server: Server;
  /** Calls back after each change of a property of the component. */
  watch: (property: string, changed: () => void) => void;
}

/** A module that a component is started by. */
export interface Module {
  start: (component: Component) => void;
}

declare global {
  interface Window {
    gradio_config: { root: string };
    /** Modules that are loaded, by their address (preload.js). */
    strataModules?: Map<string, Module>;
    /** For tests and benchmarks: what is shown, and whether all that was asked for is. */
    strata: {
      recipe: () => unknown;
      settled: () => boolean;
      stats: () => Record<string, unknown>;
    };
  }
}
