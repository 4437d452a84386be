/* The controls of a geosar map file: layers, opacity, swipe, legend, notice, coordinates. A plain script on Leaflet. */
(function () {
  "use strict";

  /** At most this wide, the panel is closed at first and the notice lies below. */
  const NARROW = 620;

  /**
   * @typedef {{title: string, colours: string[], low: number, high: number, unit: string}} Legend
   * @typedef {{role: string, name: string, detail: string, legend: Legend | null, notice: string | null,
   *   opacity: number, bounds: number[][], shape: number[]}} Told
   * @typedef {{told: Told, leaflet: any, pane: HTMLElement, shown: boolean,
   *   toggle: HTMLInputElement, box: HTMLElement}} Layer
   */

  /** Make an element; texts are never interpreted as HTML. */
  function make(tag, className, parent, text) {
    const element = document.createElement(tag);
    element.className = className;
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }

  /** A labelled <input>, label first or last. */
  function input(type, text, parent) {
    const label = make("label", "", parent);
    const field = make("input", "", label);
    field.type = type;
    label.append(text);
    return field;
  }

  function control(map, position, element) {
    const added = L.control({ position });
    added.onAdd = () => element;
    added.addTo(map);
    L.DomEvent.disableClickPropagation(element);
    L.DomEvent.disableScrollPropagation(element);
  }

  /** Show or hide a layer. */
  function show(map, layer, wanted) {
    layer.shown = wanted;
    layer.toggle.checked = wanted;
    layer.box.classList.toggle("gs-on", wanted);
    if (wanted) layer.leaflet.addTo(map);
    else layer.leaflet.remove();
  }

  /** One row of the panel: toggle, and while the layer is shown, opacity and legend. */
  function row(map, layer, parent) {
    const box = make("div", "gs-row", parent);
    layer.box = box;
    layer.toggle = input("checkbox", layer.told.name, box);
    layer.toggle.addEventListener("change", () => show(map, layer, layer.toggle.checked));
    make("small", "", box, layer.told.detail);
    const more = make("div", "gs-more", box);
    const fade = make("div", "gs-fade", more);
    const slider = make("input", "", fade);
    Object.assign(slider, { type: "range", min: "0", max: "100", value: String(100 * layer.told.opacity) });
    slider.setAttribute("aria-label", `Opacity of ${layer.told.name}`);
    const value = make("output", "", fade);
    const apply = () => {
      layer.pane.style.opacity = String(Number(slider.value) / 100);
      value.textContent = `${slider.value} %`;
    };
    slider.addEventListener("input", apply);
    apply();
    const legend = layer.told.legend;
    if (!legend) return;
    const ramp = make("div", "gs-ramp", more);
    ramp.style.background = `linear-gradient(to right, ${legend.colours.join(", ")})`;
    const ends = make("div", "gs-ends", more);
    make("span", "", ends, number(legend.low));
    make("span", "", ends, legend.unit);
    make("span", "", ends, number(legend.high));
  }

  /** With a true minus sign. */
  function number(value) {
    return String(value).replace("-", "\u2212");
  }

  /** The divider between two layers: mouse, touch and arrow keys move it; each layer shows on its own side. */
  function swipe(map, layers, parent) {
    const container = map.getContainer();
    const toggle = input("checkbox", "Swipe between two layers", parent);
    const sides = make("div", "gs-sides", parent);
    const divider = make("div", "gs-divider", container);
    divider.tabIndex = 0;
    divider.setAttribute("role", "slider");
    divider.setAttribute("aria-orientation", "horizontal");
    const chips = ["left", "right"].map((side) => make("div", `gs-box gs-side gs-${side}`, divider));
    const first = layers.findIndex((layer) => layer.told.role === "sar");
    const other = layers.findIndex((layer) => layer.told.role === "optical");
    const start = first >= 0 && other >= 0 ? [first, other] : [0, 1];
    const selects = ["Left", "Right"].map((side, at) => {
      const label = make("label", "", sides, side);
      const select = make("select", "", sides);
      select.id = `gs-${side}`;
      label.htmlFor = select.id;
      layers.forEach((layer, index) => {
        const option = make("option", "", select, layer.told.name);
        option.value = String(index);
      });
      select.value = String(start[at]);
      select.addEventListener("change", () => {
        // The same layer on both sides would be no comparison: the other side takes what this one gave up.
        if (selects[0].value === selects[1].value) selects[1 - at].value = String(before[at]);
        use();
      });
      return select;
    });
    let before = start.slice();
    const [south, west] = layers[0].told.bounds[0];
    const [north, east] = layers[0].told.bounds[1];
    const middle = map.latLngToContainerPoint([(south + north) / 2, (west + east) / 2]);
    let fraction = Math.min(Math.max(middle.x / map.getSize().x, 0.1), 0.9) || 0.5;

    const chosen = () => selects.map((select) => layers[Number(select.value)]);

    function clip() {
      const on = toggle.checked;
      const size = map.getSize();
      const top = map.containerPointToLayerPoint([0, 0]);
      const end = map.containerPointToLayerPoint(size);
      const middle = top.x + Math.round(size.x * fraction);
      const [left, right] = chosen();
      for (const layer of layers) {
        const [a, b] = on && layer === left ? [top.x, middle] : [middle, end.x];
        const clipped = on && (layer === left || layer === right);
        layer.pane.style.clipPath = clipped
          ? `polygon(${a}px ${top.y}px, ${b}px ${top.y}px, ${b}px ${end.y}px, ${a}px ${end.y}px)`
          : "";
      }
      divider.style.left = `${Math.round(size.x * fraction)}px`;
      const percent = Math.round(100 * fraction);
      divider.setAttribute("aria-valuenow", String(percent));
      divider.setAttribute("aria-valuetext", `${left.told.name} on ${percent} per cent, then ${right.told.name}`);
    }

    /** Show the two layers that were chosen, and hide those that no side shows any more. */
    function use() {
      const [left, right] = chosen();
      const now = selects.map((select) => Number(select.value));
      if (toggle.checked) {
        before.filter((index) => !now.includes(index)).forEach((index) => show(map, layers[index], false));
        [left, right].forEach((layer) => show(map, layer, true));
      }
      before = now;
      sides.hidden = divider.hidden = !toggle.checked;
      chips[0].textContent = left.told.name;
      chips[1].textContent = right.told.name;
      divider.setAttribute("aria-label", `Divider between ${left.told.name} and ${right.told.name}`);
      clip();
    }

    function move(to) {
      fraction = Math.min(Math.max(to, 0), 1);
      clip();
    }

    divider.addEventListener("pointerdown", (event) => {
      divider.setPointerCapture(event.pointerId);
      divider.focus({ preventScroll: true });
    });
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = container.getBoundingClientRect();
      move((event.clientX - box.left) / box.width);
    });
    divider.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.1 : 0.02;
      const to = { ArrowLeft: fraction - step, ArrowRight: fraction + step, Home: 0, End: 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      move(to);
    });
    L.DomEvent.disableClickPropagation(divider);
    toggle.addEventListener("change", use);
    map.on("move zoom viewreset resize", clip);
    toggle.checked = first >= 0 && other >= 0;
    use();
  }

  /** What must be known of the synthetic layers, whatever is shown. */
  function notice(map, layers) {
    const texts = [...new Set(layers.map((layer) => layer.told.notice).filter(Boolean))];
    if (!texts.length) return;
    const box = make("div", "gs-box gs-notice", map.getContainer());
    box.setAttribute("role", "note");
    texts.forEach((text) => make("div", "", box, text));
  }

  /** The colour of a picture under a place on the map; null where it has none. */
  function colourAt(layer, latlng, canvas) {
    const image = layer.leaflet.getElement ? layer.leaflet.getElement() : null;
    if (!image || !image.naturalWidth || !layer.shown) return null;
    const at = layer.leaflet._map.latLngToLayerPoint(latlng);
    const corner = layer.leaflet._map.latLngToLayerPoint(layer.leaflet.getBounds().getNorthWest());
    const end = layer.leaflet._map.latLngToLayerPoint(layer.leaflet.getBounds().getSouthEast());
    const x = Math.floor(((at.x - corner.x) / (end.x - corner.x)) * image.naturalWidth);
    const y = Math.floor(((at.y - corner.y) / (end.y - corner.y)) * image.naturalHeight);
    if (x < 0 || y < 0 || x >= image.naturalWidth || y >= image.naturalHeight) return null;
    canvas.clearRect(0, 0, 1, 1);
    canvas.drawImage(image, x, y, 1, 1, 0, 0, 1, 1);
    const pixel = canvas.getImageData(0, 0, 1, 1).data;
    return pixel[3] < 128 ? null : pixel;
  }

  /** What a layer's colour means there, as the picture shows it. */
  function meaning(layer, pixel) {
    const legend = layer.told.legend;
    if (!legend) return "";
    const colours = legend.colours.map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
    let share = pixel[0] / 255;
    if (colours.length > 2) {
      const distances = colours.map((colour) => colour.reduce((sum, one, at) => sum + (one - pixel[at]) ** 2, 0));
      share = distances.indexOf(Math.min(...distances)) / (colours.length - 1);
    }
    const edge = share <= 0 ? "\u2264\u2009" : share >= 1 ? "\u2265\u2009" : "";
    const value = legend.low + share * (legend.high - legend.low);
    return `${legend.title} ${edge}${number(value.toFixed(legend.unit.startsWith("dB") ? 1 : 0))} ${legend.unit}`;
  }

  /** The pointer's place, or the middle of the map, and what the shown layers say there. */
  function coordinates(map, layers, told) {
    const box = make("div", "gs-box gs-coordinates");
    control(map, "bottomleft", box);
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const degrees = (value, plus, minus) => `${Math.abs(value).toFixed(5)}° ${value < 0 ? minus : plus}`;
    function tell(latlng, where) {
      box.replaceChildren();
      const top = told.bounds[1][0];
      const place = told.georeferenced
        ? `${degrees(latlng.lat, "N", "S")}, ${degrees(((latlng.lng + 540) % 360) - 180, "E", "W")}`
        : `column ${Math.floor(latlng.lng)}, row ${Math.floor(top - latlng.lat)}`;
      box.append(where);
      make("b", "", box, place);
      for (const layer of layers) {
        const pixel = colourAt(layer, latlng, context);
        const text = pixel && meaning(layer, pixel);
        if (text) make("div", "", box, text);
      }
    }
    map.on("mousemove", (event) => tell(event.latlng, ""));
    const tellCentre = () => tell(map.getCenter(), "Centre: ");
    map.on("mouseout moveend", tellCentre);
    layers.forEach((layer) => layer.leaflet.on("load", tellCentre));
    tellCentre();
  }

  /** Show all of the layers, beside the panel and below the notice where there is room; zoom in to single pixels. */
  function fit(map, layers, told) {
    const { clientWidth: width, clientHeight: height } = map.getContainer();
    const noticed = layers.some((layer) => layer.told.notice);
    map.fitBounds(told.bounds, {
      paddingTopLeft: [12, noticed && width > NARROW && height > 400 ? 56 : 12],
      paddingBottomRight: [width > 760 ? 288 : 12, 12],
      animate: false,
    });
    const finest = Math.min(...layers.map((layer) => {
      const [[south, west], [north, east]] = layer.told.bounds;
      const [a, b] = [map.project([north, west], 0), map.project([south, east], 0)];
      return Math.min((b.x - a.x) / layer.told.shape[1], (b.y - a.y) / layer.told.shape[0]);
    }).filter((size) => Number.isFinite(size) && size > 0));
    // A pixel of the raster may become 16 wide.
    map.setMaxZoom(Number.isFinite(finest) ? Math.max(map.getZoom(), Math.ceil(Math.log2(16 / finest))) : 22);
  }

  /** Pixels are drawn as squares once they are large enough to be seen as such. */
  function sharpen(map, layers) {
    for (const layer of layers) {
      const image = layer.leaflet.getElement && layer.leaflet.getElement();
      if (image && image.naturalWidth) image.classList.toggle("gs-sharp", image.width > 3 * image.naturalWidth);
    }
  }

  window.geosarMap = function (map, told, elements) {
    document.documentElement.lang = "en";
    // folium forbids readers to enlarge the page.
    document.querySelector("meta[name=viewport]").content = "width=device-width, initial-scale=1";
    const container = map.getContainer();
    const main = document.createElement("main");
    container.before(main);
    main.append(container);
    container.classList.add("geosar");
    container.setAttribute("role", "application");
    container.setAttribute("aria-label", `Map: ${told.title}`);
    const layers = elements.map((leaflet, index) => {
      const pane = map.createPane(`geosar-${index}`);
      pane.style.zIndex = String(410 + index);
      pane.style.pointerEvents = "none";
      return { told: told.layers[index], leaflet, pane, shown: false, toggle: null, box: null };
    });
    map.attributionControl.setPrefix("Leaflet");
    map.attributionControl.addAttribution(`geosar ${told.version}`);
    L.control.zoom({ position: "topleft" }).addTo(map);
    fit(map, layers, told);
    const panel = make("section", "gs-box gs-panel");
    const title = make("button", "gs-title", make("h1", "", panel), told.title);
    const body = make("div", "gs-body", panel);
    const open = (wanted) => {
      body.hidden = !wanted;
      title.setAttribute("aria-expanded", String(wanted));
    };
    title.addEventListener("click", () => open(body.hidden));
    open(container.clientWidth > NARROW);
    panel.setAttribute("aria-label", "Layers");
    const compare = make("div", "gs-compare", body);
    compare.hidden = layers.length < 2;
    // The one that is drawn on top stands on top.
    layers.slice().reverse().forEach((layer) => row(map, layer, body));
    const firsts = ["sar", "optical"].map((role) => layers.find((layer) => layer.told.role === role));
    layers.forEach((layer) => show(map, layer, firsts.includes(layer) || layers.length === 1));
    if (layers.length > 1) swipe(map, layers, compare);
    notice(map, layers);
    if (told.georeferenced) L.control.scale({ imperial: false, maxWidth: 140 }).addTo(map);
    coordinates(map, layers, told);
    control(map, "topright", panel);
    map.on("zoomend", () => sharpen(map, layers));
    layers.forEach((layer) => layer.leaflet.on("load", () => sharpen(map, layers)));
  };
})();
