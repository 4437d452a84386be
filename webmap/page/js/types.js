// The shapes of what the service answers and what the page remembers; types alone, no code.

/** @typedef {"sar" | "despeckled" | "optical" | "other" | "error" | "reference"} LayerName */
/** @typedef {LayerName | "live"} ServedLayer */
/** @typedef {"stack" | "swipe" | "side"} Mode */

/**
 * @typedef {object} Statistics
 * @property {number} p02
 * @property {number} p50
 * @property {number} p98
 * @property {number} minimum
 * @property {number} maximum
 */

/**
 * @typedef {object} Description
 * @property {number} width
 * @property {number} height
 * @property {number} megapixels
 * @property {string | null} crs
 * @property {[number, number] | null} [pixel_size_metres]
 * @property {number[]} [transform]
 * @property {string} unit
 * @property {string[]} polarisations
 * @property {Record<string, Statistics>} statistics
 * @property {string[]} notes
 */

/**
 * What somebody said of how a scene is read.
 * @typedef {object} Stated
 * @property {string} [unit]
 * @property {string} [polarisation]
 * @property {string[]} [band]
 * @property {string} [nodata]
 * @property {string} [mask_band]
 * @property {string} [crs]
 * @property {boolean} [keep_border]
 */

/**
 * @typedef {object} Scene
 * @property {string} id
 * @property {string} name
 * @property {string} filename
 * @property {number} size
 * @property {string} created
 * @property {string | null} acquired
 * @property {[number, number, number, number] | null} bbox
 * @property {GeoJSON.Geometry | null} geometry
 * @property {boolean} georeferenced
 * @property {number} [image_maxzoom]
 * @property {{state: "preparing" | "ready" | "failed", message: string}} display
 * @property {{state: "preparing" | "ready" | "failed", message: string} | null} [reference]
 * @property {string[]} layers
 * @property {string[]} jobs
 * @property {Stated} [stated]
 * @property {Description} description
 */

/**
 * The way from longitude and latitude to a scene's CRS.
 * @typedef {object} Coordinates
 * @property {"stereographic" | "degrees"} plane
 * @property {[number, number]} centre
 * @property {[number, number, number, number]} window
 * @property {number[][]} x
 * @property {number[][]} y
 */

/**
 * @typedef {object} Job
 * @property {string} jobID
 * @property {string} processID
 * @property {"accepted" | "running" | "successful" | "failed" | "dismissed"} status
 * @property {string} message
 * @property {number} progress
 * @property {number} [megapixelsPerSecond]
 * @property {number} [secondsLeft]
 * @property {string} [scene]
 * @property {string} [name]
 * @property {string} [finished]
 * @property {string} [formerReading] with which words the scene was read, where it is read otherwise now
 */

/**
 * What a job made of a scene.
 * @typedef {object} Result
 * @property {string} job
 * @property {string} label
 * @property {string} about model, time, and whether it is of a part
 * @property {Record<string, {href: string}>} files
 * @property {string[]} warnings
 */

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} version
 * @property {string} title
 * @property {string} description
 * @property {boolean} default
 * @property {boolean} despeckles
 * @property {number} ground_sampling_distance metres
 * @property {string} licence
 */

/**
 * @typedef {object} Basemap
 * @property {string} url
 * @property {string} attribution
 * @property {number} max_zoom
 * @property {string} subdomains
 * @property {string} name
 */

/**
 * @typedef {object} PageSettings
 * @property {string} version
 * @property {string} model
 * @property {number} max_upload_bytes
 * @property {boolean} needs_key
 * @property {Basemap | null} basemap the default
 * @property {Basemap[]} basemaps all that can be chosen
 * @property {boolean} geocoder whether places are found by their names
 * @property {boolean} cors whether pages of other origins may call the service
 */

/**
 * How the radar is drawn: the band (its number, or "composite"), the range of values from black to white, the colours.
 * @typedef {object} SarStyle
 * @property {string} band
 * @property {[number, number] | null} range
 * @property {string} colours
 */

/** @typedef {{visible: boolean, opacity: number}} LayerView */

/**
 * Everything that a permalink holds.
 * @typedef {object} View
 * @property {string | null} scene
 * @property {[number, number, number] | null} place latitude, longitude, zoom
 * @property {Mode} mode
 * @property {LayerName} left
 * @property {LayerName} right
 * @property {number} split 0 to 1
 * @property {string | null} result the job whose result is shown, null for the newest
 * @property {string | null} other the job whose result it is compared with
 * @property {LayerName[]} order from the top down
 * @property {Record<LayerName, LayerView>} layers
 * @property {SarStyle} sar
 */

/**
 * Where a layer's pixels come from. `key` changes when a pixel does.
 * @typedef {object} Source
 * @property {ServedLayer} served
 * @property {string[]} bands what its bands are called
 * @property {string} key
 * @property {string} url of tiles with {z}, {x}, {y}; or of one picture
 * @property {boolean} tiled
 * @property {L.LatLngBounds} bounds
 * @property {number} minZoom
 * @property {number} sharpZoom from which on its pixels are those of full resolution; coarse below
 * @property {number} maxZoom
 * @property {boolean} sharp whether tiles for dense screens may be asked for
 * @property {string} title
 */

/** @typedef {"all" | "left" | "right"} Side */
/** @typedef {{name: LayerName, source: Source, opacity: number, side: Side}} ShownLayer */

export {};
