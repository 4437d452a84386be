"""What a person sees: the web map's page in ``page/``, and map files made with folium in ``mapfile/``."""
