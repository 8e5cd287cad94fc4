# The image of all services, and by `--target daprd` that of their sidecars.
#
#   docker build -t omnichannel .
#   docker build -t omnichannel-daprd --target daprd .
#   docker run omnichannel order
#
# Give base images by digest for a build that can be repeated: --build-arg BASE_IMAGE=...@sha256:...
# SOURCE_DATE_EPOCH sets the time of all files (buildah: --timestamp).
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm
ARG STATIC_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${GO_IMAGE} AS daprd-build
WORKDIR /src
COPY runtime/go.mod runtime/go.sum ./
RUN go mod download
COPY runtime/main.go runtime/mqtt.go runtime/rabbitmq.go ./
# As scripts/start/runtime.mjs builds it.
RUN version=$(go list -m -f '{{slice .Version 1}}' github.com/dapr/dapr) && \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags stablecomponents \
    -ldflags "-s -w -X github.com/dapr/dapr/pkg/buildinfo.version=$version -X github.com/dapr/kit/logger.DaprVersion=$version" \
    -o /out/daprd . && mkdir /out/data

# No entry point: Dapr's injector gives the whole command, /daprd and its arguments.
FROM ${STATIC_IMAGE} AS daprd
LABEL org.opencontainers.image.title="omnichannel-daprd" \
      org.opencontainers.image.description="Daprd with confirmed publications to RabbitMQ"
COPY --from=daprd-build /out/daprd /daprd
# A volume here belongs to the user below.
COPY --from=daprd-build --chown=65532:65532 /out/data /data
USER 65532:65532
CMD ["/daprd"]

FROM ${BUILD_IMAGE} AS tools
# libatomic is needed by Node and not in the base image; strip removes the debug information of Node.
RUN { command -v strip && ldconfig -p | grep -q libatomic.so.1; } > /dev/null || \
    { apt-get update && apt-get install -y --no-install-recommends libatomic1 binutils && rm -rf /var/lib/apt/lists/*; }
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM tools AS build
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --ignore-scripts
COPY tsconfig.json buf.yaml buf.gen.yaml ./
COPY proto proto
COPY contracts contracts
COPY retail retail
COPY kit kit
COPY services services
RUN npm run build && find dist -name '*.map' -delete

FROM tools AS packages
# The pinned Node is a package itself. Maps and type declarations are for development.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --ignore-scripts --omit=dev && \
    mkdir -p /runtime/bin /runtime/lib /runtime/data && \
    strip -o /runtime/bin/node node_modules/node-linux-*/bin/node && \
    cp -L "$(ldconfig -p | awk '/libatomic.so.1/ { print $NF; exit }')" /runtime/lib/libatomic.so.1 && \
    rm -rf node_modules/node-linux-* node_modules/.bin node_modules/.package-lock.json && \
    find node_modules \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM ${BASE_IMAGE} AS services
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="omnichannel" \
      org.opencontainers.image.description="The services of a retail platform; the argument is the service" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=packages /runtime/lib/ /usr/lib/
COPY --from=packages /runtime/bin/node /usr/bin/node
# A volume here belongs to the user below; nothing else is written, so run it with a read-only root.
COPY --from=packages --chown=65532:65532 /runtime/data /data
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
# package-lock.json is what scanners list the packages from.
COPY package.json package-lock.json dapr.yaml ./
COPY scripts/start scripts/start
COPY scripts/devices scripts/devices
COPY scripts/device-accounts.mjs scripts/
COPY deploy/flags.json deploy/limits.json deploy/synonyms.txt deploy/
COPY services/search/migrations services/search/migrations
COPY deploy/image deploy/image
COPY components components
COPY --from=build /app/dist dist
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    SERVICE_CALLS=/app/components/calls.json
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["/usr/bin/node", "/app/deploy/image/health.mjs"]
ENTRYPOINT ["/usr/bin/node", "/app/deploy/image/run.mjs"]
