"""What tests share: tiny rasters and models, services to speak with, and pages to visit."""
