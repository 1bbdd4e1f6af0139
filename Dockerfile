# The server for production: `docker build -t payvand .`; compose.yaml adds a PostgreSQL.
FROM python:3.13-slim AS build

WORKDIR /app
RUN python -m venv .venv
ENV PATH="/app/.venv/bin:$PATH"
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY schema schema
COPY plugins plugins
COPY migrations migrations
RUN pip install --no-cache-dir --no-build-isolation --no-deps .


FROM python:3.13-slim

RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin payvand
COPY --from=build /app/.venv /app/.venv
WORKDIR /srv/payvand
COPY settings.toml ./
# Only an SQLite file would be kept here, and only if PAYVAND_DATABASE_URL does not name a PostgreSQL.
RUN install --directory --owner=payvand --group=payvand --mode=700 var
ENV PATH="/app/.venv/bin:$PATH" \
    MPLCONFIGDIR=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]

# The server takes the place of the shell, so that it hears the signal to stop. It never starts on tables that do not fit.
CMD ["sh", "-c", "payvand migrate && exec payvand serve --host 0.0.0.0"]
