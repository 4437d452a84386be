"""The service: uploads, translation jobs and map tiles over HTTP. Started by ``geosar serve``."""
