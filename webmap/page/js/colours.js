// Colour maps as the service draws them: nine stops of each, for legends and previews.

/** @type {Record<string, string[]>} */
const STOPS = {
  gray: "000000 202020 404040 606060 808080 a0a0a0 c0c0c0 e0e0e0 ffffff".split(" "),
  viridis: "440154 472c7b 3a528b 2c728e 20908c 28ae7f 5ec961 addc30 fde724".split(" "),
  cividis: "00224d 1a386f 434e6b 61646f 7c7b78 9b9376 bbad6c dec957 fde737".split(" "),
  magma: "000003 1c1046 50127b 822581 b63679 e65162 fb8861 fec488 fbfcbf".split(" "),
  inferno: "000003 200c4a 570f6d 892269 bb3754 e45a31 f98e08 f8cb34 fcfea4".split(" "),
  plasma: "0c0786 4c02a1 7e03a7 a92395 cb4777 e56c5b f89540 fdc427 eff821".split(" "),
  turbo: "30123b 466be3 28bbeb 32f197 a4fc3b edcf39 fa7d20 d02f04 7a0402".split(" "),
};

export const COLOURS = Object.keys(STOPS);

/** @param {string} name @returns {string[]} */
export const stopsOf = (name) => (STOPS[name] ?? STOPS.gray ?? []).map((stop) => `#${stop}`);

/** A ramp from left to right, as CSS has it. @param {string} name */
export const gradient = (name) => `linear-gradient(to right, ${stopsOf(name).join(", ")})`;
