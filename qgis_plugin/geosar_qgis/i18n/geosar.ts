<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en">
  <context>
    <name>geosar</name>
    <message>
      <source>Service (name of a connection, or a URL)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Connections are made in the panel SAR to optical.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Authentication, instead of that of the connection</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>as the file says</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The authentication database stays locked without its master password.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped. Nothing was written.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>There is no folder {0}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>List scenes</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Lists the scenes of the service, the newest first, as a layer of their boxes with id, name, dates, polarisations, layers, and size in pixels and bytes. A scene without georeference has no geometry.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Only those that meet</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Part of the name</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Scenes</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>How many</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Polarisation</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Unit of the values</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>SAR image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Its second polarisation, where that is another layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Bands (default: all)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Take what looks like no SAR image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} has no file that can be sent as it is; its values are copied first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped. Nothing was sent.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Scene {0}: {1}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Copying</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Which polarisation {0} hold cannot be told by their names. Choose it under Polarisation: with VV,VH the first layer is VV and the second VH.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Translate</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Sends a SAR image to the service and fetches what its model makes of it: an optical-looking image on exactly the same grid, as a Cloud-Optimized GeoTIFF.

&lt;b&gt;The result is synthetic: a guess of a network, not an observation.&lt;/b&gt; The expected error says how far off each pixel may be, from 0 to 255.

SAR image: one or two polarisations, in decibel, power, amplitude or grey values; with a CRS or with ground control points. A layer that is no GeoTIFF, PNG, JPEG or zip of a SAFE product on this computer is copied first. Two polarisations in two layers go as one scene: give the second one, too.

Only this part: in any CRS; the whole image without it.

True optical image: is sent too, and the result is brought to its tone, by one gain and offset a channel.

Add layers of the service: tiles and files that stay there, instead of or beside the file that is fetched.

Stopping stops the job on the service, too.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Tiles of the synthetic image (XYZ)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Tiles of the expected error (XYZ)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>File on the service (COG)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Tiles of the despeckled SAR image (XYZ)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Model (default: the service's)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Only this part</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Also estimate the error</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Also make the radar without its speckle (not every model can)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>True optical image of the place, whose tone it shall have</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Bring it to the pixel size that the model knows</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add layers of the service</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Synthetic optical image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Expected error</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Despeckled SAR image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Scene</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Job</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The scene has no place on the map, so it has no tiles; take the file.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} has no true optical image on the service. Choose one here, and it is sent.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Translate on the server</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Translates a scene that the service has already; nothing is sent. The result can be shown from there as tiles, or fetched as a file.

&lt;b&gt;The result is synthetic: a guess of a network, not an observation.&lt;/b&gt;

Scene: its id, or its name where only one scene has it. List scenes gives both. The same wish twice is one job: its result is there at once.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Scene (id or name)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Match the tone of the true optical image that the scene has on the service</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Upload</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Sends a SAR image to the service, where it can be viewed, and translated on the fly or as a whole. The same content sent twice is one scene.

A layer that is no GeoTIFF, PNG, JPEG or zip of a SAFE product on this computer is copied first. Two polarisations in two layers, such as scene_vv.tif and scene_vh.tif, go as one scene: give the second, too.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name (default: that of the layer)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add the tiles of the SAR image</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add the live layer, translated on the fly</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Opacity of the selected layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Swipe</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Drag a line over the map: left of it the selected layer is hidden</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>What lies below</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The map as it is</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Opacity</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Left</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Right</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Without https, images and key can be read on the way.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Connection to a geosar service</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>for example: my computer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>only to save a new one</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It is put into QGIS's authentication database, encrypted; never into the project.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Test</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Name</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>URL</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>API key</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>or authentication</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It works: geosar {0}, model {1}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Asking {0} ...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>It answers, but cannot work now: {0}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>waiting</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>stopped</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stop</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add as XYZ</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add as COG</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Take this job out, with its result</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Take out all jobs without a result</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>translated, as it was read before</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>translated</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>State</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>failed: {0}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>being sent</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove this result from the service? Nobody will have it any more; the scene stays.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove {0} from the service, with all that was made of it? Nobody will have it any more.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} is read otherwise now. Layers of it that are on the map show it as it was: add them anew.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>SAR to optical</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Jobs</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The layer is on the service now; translate it, or add its live layer.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove a scene</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove a result</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add to the map</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>geosar {0}, model {1}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No connection yet: press + and name the URL of a service.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>New connection</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Change this connection</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Forget this connection</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Ask the service anew</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The authentication database is locked; press refresh to unlock it.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Jobs ({0})</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} is translated.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>cannot work now: {0}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} could not be translated: {1}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Decibel</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Power</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Amplitude</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Digital numbers</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Grey values</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>as the file says, or VV=1, VH=2</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Unit</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Bands</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No data is</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The scene is looked at ...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>How {0} is read</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>In view</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Only scenes that the map shows now</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Upload layer</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Send the layer that is selected in the layer list</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Have the whole scene translated by the service</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Add a layer of the scene to the map</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No such scene.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No scenes yet: select a SAR layer and press Upload layer.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>not translated yet</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>no place on the map</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Live layer (translated on the fly)</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Synthetic image, as XYZ</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Synthetic image, as COG</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Expected error, as XYZ</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Expected error, as COG</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>SAR image, as XYZ</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Despeckled SAR image, as XYZ</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Despeckled SAR image, as COG</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>being prepared</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Translate with details ...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Read it otherwise ...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Zoom to it</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Open in the web map</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Remove from the service ...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>id</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Upload with details ...</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>cannot be shown: {0}</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>No raster layer is selected. Select the SAR image in the layer list first.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The upload failed; see the log panel.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Beginning</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The layer cannot be read. Is its file still there?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} is a picture of a map ({1}) and holds no radar values. Choose a layer that holds backscatter.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} has the bands 1 to {1}, not {2}.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} has no fixed number of pixels, so there is nothing to copy.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} could not be made. Is there free space on the disk?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Stopped.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>The copy of {0} could not be written. Is the disk full?</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>{0} of 255 and more</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>Something went wrong that nobody foresaw ({0}). The log panel says more.</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>SAR to optical: scenes, jobs and layers of the service</source>
      <translation type="unfinished" />
    </message>
    <message>
      <source>SAR to optical (geosar)</source>
      <translation type="unfinished" />
    </message>
  </context>
</TS>
