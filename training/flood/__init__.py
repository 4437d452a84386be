"""Does colorizing help to find water? Segmentation from radar, from the colorized image, from both, on equal terms."""
