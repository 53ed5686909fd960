# SPDX-License-Identifier: Apache-2.0
# docker build -t serin:0.1.0 .
# docker run --rm --read-only --tmpfs /var/lib/serin:uid=65532 -v "$PWD/Models:/models:ro" -p 8080:8080 serin:0.1.0

FROM swift:6.3.1-bookworm AS build
# The newest security fixes are wanted, so no versions are pinned here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev zlib1g-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Package.swift ./
COPY Sources ./Sources
# Tests are declared in the manifest; only their folders have to be there.
COPY Tests ./Tests
RUN swift build -c release --product serin --static-swift-stdlib \
    && install -D --strip .build/release/serin /out/serin

FROM debian:bookworm-slim AS serin
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl3 zlib1g libstdc++6 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65532 -g 65532 -m 0700 /var/lib/serin \
    && install -d /models
COPY --from=build /out/serin /usr/bin/serin
COPY Config/serin.json /etc/serin/serin.json
LABEL org.opencontainers.image.title="serin" \
      org.opencontainers.image.description="A model server that proves its answers" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV SERIN_MODELS=/models \
    SERIN_STATE_DIRECTORY=/var/lib/serin
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=2s --start-period=60s --retries=2 \
    CMD ["/usr/bin/serin", "probe", "/readyz"]
ENTRYPOINT ["/usr/bin/serin"]
CMD ["serve", "--config", "/etc/serin/serin.json"]
