# The image contains one static program, the certificates of public authorities and an empty data folder, but no shell and no libc.
#
#   docker build --build-arg VERSION=$(git describe --tags --always) -t giosg-bot .
#   docker run -p 8080:8080 -e WEBHOOK_SECRET=... -v giosg-bot:/data giosg-bot

FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
# The tag lets the linker remove unused methods, see the Makefile.
RUN CGO_ENABLED=0 go build -tags grpcnotrace -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.version=${VERSION}" -o /out/bot ./cmd/bot \
	&& mkdir -p /out/data /out/certs \
	&& cp /etc/ssl/certs/ca-certificates.crt /out/certs/

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="giosg-bot" \
	org.opencontainers.image.description="A worker for bot apps of the giosg live-chat platform" \
	org.opencontainers.image.version="${VERSION}"
COPY --from=build /out/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/bot /bot
# The program contains the time zones.

# The embedded store, not used with REDIS_URL. The user below must be able to write to a volume that is mounted here.
ENV DATA_FILE=/data/giosg-bot.db
VOLUME /data
USER 65532:65532

# Webhooks, /healthz and /readyz. ADMIN_ADDR stays on the container's own loopback address, 127.0.0.1:9090. To reach it from a private
# network, set ADMIN_ADDR=:9090; never publish that port to the internet.
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 CMD ["/bot", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/bot"]
CMD ["serve"]
