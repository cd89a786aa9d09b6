# One image for every process; the command picks it:
#
#   docker run IMAGE services catalog      a service or a worker
#   docker run IMAGE ops.migrate           the migrations
#
# Build arguments: BASE_IMAGE (any with python3 and its venv module), RELEASE, REVISION, SOURCE.
# Behind a proxy that signs with its own authority: --secret id=ca,src=/path/to/bundle.pem
ARG BASE_IMAGE=python:3.13-slim-trixie

# --- What we depend on: locked wheels in a virtual environment without pip ---------------------------
# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS environment
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/venv
COPY requirements/runtime.txt /tmp/
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache/pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && /opt/pip/bin/pip --python /opt/venv/bin/python install --quiet --disable-pip-version-check \
        --no-compile --require-hashes --only-binary :all: -r /tmp/runtime.txt \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

# --- What we wrote: with compressed assets and bytecode ----------------------------------------------
FROM environment AS program
COPY requirements/build.txt /tmp/
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache/pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && /opt/pip/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
        -r /tmp/build.txt
WORKDIR /srv/kiosk
COPY services services
COPY ops/*.py ops/*.sql ops/
COPY traefik/routes.yml traefik/
RUN /opt/pip/bin/python -B -m services.design.compress_assets \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash . \
    && chmod -R a+rX .

# --- The image ---------------------------------------------------------------------------------------
# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS runtime
# What installs packages has no work here: python:slim brings a pip of its own. Nor has any program that
# gives its caller another's rights (su, mount, passwd): Swarm knows no `no-new-privileges`.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/bin/pip* \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kiosk
COPY --from=environment /opt/venv /opt/venv
COPY --from=program /srv/kiosk /srv/kiosk
WORKDIR /srv/kiosk
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    APP_HOST=0.0.0.0 APP_PORT=8000 OPS_HOST=0.0.0.0 OPS_PORT=9000 LAME_DUCK_SECONDS=5
USER 10001:10001
EXPOSE 8000 9000
# By /livez, which asks no dependency: an outage of one must never kill a task. Without site and without
# this folder on the path it takes a few hundredths of a second.
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s --retries=6 \
    CMD ["python", "-I", "-S", "/srv/kiosk/services/healthcheck.py"]
# python is process 1 itself, so that it hears SIGTERM.
ENTRYPOINT ["python", "-m"]
CMD ["services"]

# --- For compose/ only: with the demo catalog, the sandbox gateway and the mailbox --------------------
FROM environment AS sandbox_environment
COPY requirements/compose.txt /tmp/
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache/pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && /opt/pip/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
        --target /opt/sandbox -r /tmp/compose.txt

FROM runtime AS development
USER 0
RUN install -d -o kiosk -g kiosk /var/lib/sandbox
USER 10001:10001
ENV PYTHONPATH=/opt/sandbox
COPY --from=sandbox_environment /opt/sandbox /opt/sandbox
COPY ops ops
COPY compose/sandbox.py compose/

# --- The default: what `make deploy` ships. Last, so that another release is made in a second ----------
FROM runtime AS production
ARG RELEASE=dev
ARG REVISION=unknown
ARG SOURCE=""
LABEL org.opencontainers.image.title="Kiosk" \
      org.opencontainers.image.version="${RELEASE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
ENV RELEASE=${RELEASE}
