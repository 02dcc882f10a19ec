// What the page's scripts hand to each other and get from the server. Types only: nothing of this
// file is served.

// ---- what the person chose (explorer/recipe/recipe.py) ----

export type Kind = "coordinate" | "component" | "local";

/** An axis of a level: which slider. */
export interface AxisId {
  /** The subscript t of z_t. */
  level: number;
  kind: Kind;
  /** The axis among those of its kind, from 0. */
  index: number;
}

/** A dab [x, y, r], which erases where r < 0, in 1/256 of the picture's side. */
export type Dab = [x: number, y: number, radius: number];
export type Rectangle = [left: number, top: number, right: number, bottom: number];
export type Shape = Dab | Rectangle;
export type Region = readonly Shape[];

/** How far an axis is moved, and where. */
export interface Edit extends AxisId {
  /** In standard deviations of the aggregate posterior, from −3 to 3. */
  sigma: number;
  /** null for the whole picture. */
  region: Region | null;
}

export type PolicyKind = "keep" | "mean" | "resample" | "memory" | "pin";

/** Where a level comes from once something above it has changed. */
export interface Policy {
  kind: PolicyKind;
  seed: number;
  /** The share of the image's own detail, from 0 to 1. */
  rho: number;
}

/** All that was chosen for a picture, in canonical form: edits sorted, none zero or twice. */
export interface Recipe {
  version: number;
  /** Hash of the model's weights. */
  model: string;
  /** Hash of the picture's pixels. */
  image: string;
  edits: readonly Edit[];
  /** Of z_1 … z_T, bottom first. */
  policies: readonly Policy[];
  temperature: number;
  encode_seed: number | null;
}

/** The same as the server writes it, and as it is stored and copied. */
export interface WireRecipe {
  version: number;
  model: string;
  image: string;
  edits: WireEdit[];
  regions: Region[];
  policies: [kind: PolicyKind, seed: number, rho: number][];
  temperature: number;
  encode_seed: number | null;
}

/** The last number, where there is one, means the n-th of the recipe's regions. */
export type WireEdit = [level: number, kind: Kind, index: number, sigma: number, region?: number];

/** The regions painted; `active` is the one that sliders move, or −1 for the whole picture. */
export interface Brush {
  regions: readonly Region[];
  active: number;
}

// ---- where the picture comes from (explorer/images/opening.py) ----

/** x and y as fractions of the width and the height, size of the shorter side. */
export interface Crop {
  x: number;
  y: number;
  size: number;
}

export interface ExampleRef {
  kind: "example";
  index: number;
}

export interface UploadRef {
  kind: "upload";
  key: string;
  crop: Crop | null;
  invert: boolean | null;
  side?: number | null;
}

export interface SampleRef {
  kind: "sample";
  seed: number;
  side?: number | null;
}

export type Ref = ExampleRef | UploadRef | SampleRef;

/** What is open: a model by its id, a picture, what was done to it, and the regions painted. */
export interface Place {
  model: string;
  ref: Ref;
  recipe: Recipe;
  brush: Brush;
}

/** A place to go to; without a recipe it begins with the one that changes nothing. */
export interface Target {
  model: string;
  ref: Ref;
  recipe: Recipe | null;
  brush?: Brush;
}

// ---- pictures ----

/** A picture as the server functions give it: RGB bytes in base64. */
export interface Frame {
  w: number;
  h: number;
  rgb: string;
}

export type Picture = ImageData | ImageBitmap;

/** A binary message of the live path (explorer/live/packets.py). */
export interface Packet {
  kind: "frame" | "rung";
  /** The number of the request that it answers. */
  seq: number;
  level: number;
  decodeMs: number;
  serverMs: number;
  depth: number;
  exact: boolean;
  /** A promise only where the picture has to be decoded first. */
  picture: Picture | Promise<Picture>;
}

/** The 8-bit pixels of the image itself, for a server that does not have it. */
export interface Pixels {
  shape: number[];
  data: string;
}

/** What the live path does to the page. */
export interface LiveHooks {
  frame: (picture: Picture) => void;
  rung: (level: number, picture: Picture) => void;
  shadowed: (reasons: Reasons) => void;
  /** The recipe that could not be drawn; null where only its ladder could not. */
  failed: (error: unknown, recipe: Recipe | null) => void;
  /** Whether it has settled may have changed. */
  changed: () => void;
  slow: (words: string | null) => void;
  /** The socket closed. */
  lost: () => void;
}

// ---- the model ----

export interface Axis {
  index: number;
  label: string;
  detail: string;
}

export interface Level {
  /** The subscript t. */
  t: number;
  /** How many units or channels. */
  size: number;
  /** Height and width of its map; null for a vector. */
  map: [number, number] | null;
  /** How many of its units are inactive. */
  dead: number;
  /** Whether its components are waves over the picture. */
  fields: boolean;
  /** How many local axes can be found. */
  local: number;
  markov: boolean;
  axes: { coordinate: Axis[]; component: Axis[] };
}

/** A level in the bank, with its row's colour. */
export interface HuedLevel extends Level {
  hue: number;
}

/** Levels that are shown together, and the rung of the ladder of the lowest, `t`. */
export interface Row {
  t: number;
  levels: HuedLevel[];
  grouped: boolean;
  name: string;
  /** The name where there is little room. */
  brief: string;
  /** Its levels by name. */
  span: string;
  hue: number;
}

/** Why the sliders of a level can do nothing, by its subscript. */
export type Reasons = Record<string, string>;

export interface TermErrors {
  elbo: number | null;
  reconstruction: number | null;
  rate: (number | null)[];
  total_rate: number | null;
  group_rate: (number | null)[];
}

/** Averages in nats, by level from the bottom; null for a model without a likelihood. */
export interface Averages {
  elbo: number | null;
  reconstruction?: number | null;
  rate?: number[] | null;
  errors?: TermErrors | null;
  psnr_db?: number | null;
}

/** Averages of a model with a likelihood. */
export interface Terms extends Averages {
  elbo: number;
  reconstruction: number;
  rate: number[];
}

export interface ImageTerms extends Averages {
  bits_per_dim: number | null;
  dimensions: number;
  draws: number;
  percentile: number | null;
  verdict: "low" | "high" | "usual" | "unknown";
  explanation: string;
}

export interface TestTerms extends Averages {
  images?: number;
  divergences?: boolean;
}

export interface Model {
  id: string;
  hash: string;
  title: string;
  summary: string | null;
  image_shape: number[];
  test: TestTerms;
}

export interface ModelEntry {
  id: string;
  title: string;
  summary: string;
  group: string;
  error: string | null;
}

// ---- answers of the server ----

/** The whole upload, for the frame of its crop. */
export interface Source {
  png: string;
  width: number;
  height: number;
  crop: Crop;
  grey: boolean;
  invert: boolean;
  suggest_invert: boolean;
}

export interface Sides {
  own: number;
  offered: number[];
  now: number;
}

/** The test pictures side by side in one file. */
export interface Examples {
  count: number;
  columns: number;
  w: number;
  h: number;
  png: string;
}

export interface Opened {
  model: Model;
  levels: Level[];
  /** Subscripts of levels shown together, top first; null where each is alone. */
  groups: number[][] | null;
  examples: Examples;
  source: Source | null;
  sides: Sides | null;
  pixels: Pixels;
  image: Frame;
  reconstruction: Frame;
  recipe: Recipe;
  ref: Ref;
  notices: string[];
}

export interface Uploaded {
  key: string;
  notices: string[];
  /** What a picture saved by Strata carried. */
  state: { recipe: Recipe; model_id: string | null; source_key: string } | null;
}

export interface Suggestion {
  id: string;
  title: string;
}

/** What each function of the server is asked and answers (explorer/desk/server_functions.py). */
export interface Calls {
  models: [request: object, answer: { models: ModelEntry[]; default: string | null }];
  session: [request: object, answer: { path: string; token: string }];
  upload: [request: { name: string; data: string }, answer: Uploaded];
  open: [request: { model: string; image: Ref; recipe: Recipe | null }, answer: Opened];
  keep: [request: { pixels: Pixels }, answer: { image: string }];
  terms: [request: { recipe: Recipe },
    answer: { terms: ImageTerms; suggestion: Suggestion | null }];
  local: [request: { recipe: Recipe; level: number }, answer: { axes: Axis[] }];
  start: [request: { recipe: Recipe }, answer: { start: AxisId | null }];
  render: [request: { seq: number; recipe: Recipe },
    answer: { frame: Frame; decode_ms: number }];
  details: [request: { seq: number; recipe: Recipe },
    answer: { ladder: { t: number; frame: Frame }[]; shadowed: Reasons }];
  export: [request: { recipe: Recipe; ref: Ref }, answer: { filename: string; png: string }];
}
