# The service in a container: docker build -t geosar . ; see compose.yaml and docs/operation.md.
FROM python:3.11-slim AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY geosar geosar
COPY tiler tiler
COPY training training
COPY webmap webmap
COPY qgis_plugin qgis_plugin
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
# GDAL inside rasterio's wheel wants the system's XML parser, which the slim image lacks.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libexpat1 \
    && rm -rf /var/lib/apt/lists/*
# What `make lock` chose, psycopg for GEOSAR_DATABASE_URL=postgresql+psycopg://... among it. Without OpenVINO's parts for
# other devices and file formats.
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    pip install --no-cache-dir --no-compile --require-hashes --requirement /requirements.lock \
    && pip install --no-cache-dir --no-compile --no-deps /wheels/*.whl \
    && cd "$(python -c 'import importlib.util as u; print(u.find_spec("openvino").submodule_search_locations[0])')/libs" \
    && rm -f *_intel_gpu_plugin* *_intel_npu_* cache.json \
        *_tensorflow_frontend* *_tensorflow_lite_frontend* *_pytorch_frontend* *_paddle_frontend* *_jax_frontend* *_gguf_frontend* \
    && useradd --system --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin geosar \
    && install --directory --owner geosar --mode 0750 /data
USER geosar
WORKDIR /data
ENV GEOSAR_STORE=/data \
    GEOSAR_LOG_FORMAT=json \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Reached from outside the container, so it refuses to start without GEOSAR_API_KEYS (or --open).
ENTRYPOINT ["geosar", "serve", "--host", "0.0.0.0", "--port", "8000"]
