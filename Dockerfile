# One image for every role: `docker build -t corridor .`; the role is the command (corridor worker, corridor api, ...).

FROM node:22-bookworm-slim AS page
WORKDIR /src
COPY web ./web
COPY geofences/data ./geofences/data
RUN npm ci --prefix web --no-audit --no-fund && npm run build --prefix web

FROM python:3.11-slim-bookworm AS build
# machine code for any x86-64 machine of the last ten years, so that what is compiled here fits where it runs
ENV NUMBA_CPU_NAME=x86-64-v3
WORKDIR /src
RUN python -m venv /opt/corridor
COPY requirements.lock ./
RUN /opt/corridor/bin/pip install --no-cache-dir -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY corridor ./corridor
COPY gateway ./gateway
COPY streams ./streams
COPY geofences ./geofences
COPY feeds ./feeds
COPY api ./api
COPY firmware-sim ./firmware-sim
COPY authority-sim ./authority-sim
COPY --from=page /src/api/web/dist ./api/web/dist
RUN /opt/corridor/bin/pip install --no-cache-dir --no-deps . && /opt/corridor/bin/python -m corridor.warm

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /var/lib/corridor corridor \
    && mkdir -p /shared /ledger /ledger-keys && chown corridor /shared /ledger /ledger-keys
COPY --from=build /opt/corridor /opt/corridor
ENV PATH=/opt/corridor/bin:$PATH PYTHONUNBUFFERED=1 NUMBA_CPU_NAME=x86-64-v3 MALLOC_ARENA_MAX=2 \
    CORRIDOR_DATA_DIR=/var/lib/corridor/data
USER 10001
WORKDIR /var/lib/corridor
ENTRYPOINT ["/opt/corridor/bin/corridor"]
CMD ["--help"]
