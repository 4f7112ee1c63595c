# syntax=docker/dockerfile:1

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
      -ldflags "-s -w -X github.com/queueferry/queueferry/internal/telemetry.version=$VERSION" \
      -o /out/worker ./cmd/worker \
 && mkdir /out/data

# Static: CA certificates, time zones and the user 65532, no shell.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/worker /usr/local/bin/worker
# Where an embedded NATS server keeps its store; mount a volume here to keep it.
COPY --from=build --chown=65532:65532 /out/data /var/lib/queueferry
WORKDIR /var/lib/queueferry
ENV QUEUEFERRY_CONFIG=/etc/queueferry/queueferry.yaml
USER 65532:65532
# The admin listener, once admin.listen is 0.0.0.0:8080.
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/worker"]
CMD ["run"]
