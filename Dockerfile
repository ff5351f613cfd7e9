# dl serve in a container: built in one image, run in another, as a user without rights, with a root that may be read-only.
#   docker build -t deltalakedb .
#   docker run --rm -v lake:/data deltalakedb migrate --database /data/lake.sqlite
#   docker run --rm -v lake:/data deltalakedb key create me --database /data/lake.sqlite      # prints the key once
#   docker run -p 127.0.0.1:8080:8080 -v lake:/data deltalakedb
# `node test/container/container.ts` does all of this without Docker.
FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm pack --pack-destination /tmp
WORKDIR /app
# The package `node` brings Node 24 to machines that have none: this one has it. DuckDB is for `dl compact` alone.
RUN npm init --yes >/dev/null \
  && npm install --omit=dev --omit=optional --ignore-scripts /tmp/deltalakedb-*.tgz \
  && rm -rf node_modules/node node_modules/.cache

FROM node:24-bookworm-slim
RUN useradd --system --uid 10001 --user-group --no-create-home lake \
  && mkdir /data && chown lake:lake /data
COPY --from=build /app /app
ENV NODE_ENV=production NODE_COMPILE_CACHE=/tmp/node-compile-cache DL_SERVER_HOST=0.0.0.0
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
# The server ends in order at SIGTERM, also as process 1: it hears signals itself, and has no children to reap.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 \
  CMD ["node", "/app/node_modules/deltalakedb/lib/cli/dl.js", "health", "--url", "http://127.0.0.1:8080"]
ENTRYPOINT ["node", "/app/node_modules/deltalakedb/lib/cli/dl.js"]
CMD ["serve", "--database", "/data/lake.sqlite", "--storage", "/data/tables"]
