"""What a person sees: the web map's page in ``static/``, and map files made with folium."""
