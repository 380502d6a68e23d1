# One image for all programs. The Node.js binary, its libraries and the programs, without a shell or a package manager.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/image/ scripts/image/
COPY cli/ cli/
COPY crds/ crds/
COPY operator/ operator/
COPY runtime/ runtime/
COPY worker/ worker/
RUN node scripts/image/main.ts /rootfs

FROM scratch
COPY --from=build /rootfs/base/ /
COPY --from=build /rootfs/modules/ /
COPY --from=build /rootfs/app/ /
# large buffers go back to the system when they are freed, instead of being kept by the C library for each thread; and the
# allocator of the native modules takes small pages
ENV NODE_ENV=production PATH=/usr/local/bin MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072 MIMALLOC_ALLOW_THP=0
# a worker's: a young generation that its messages fit, and a heap that leaves room in the memory limit for what lies outside
# of it. The operator has flags of its own, by its arguments
ENV NODE_OPTIONS="--max-semi-space-size=2 --max-old-space-size-percentage=30"
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node"]
# the operator; a worker's pod names /app/dist/worker/main.js, and people name /app/dist/cli/main.js
CMD ["/app/dist/operator/main.js"]
