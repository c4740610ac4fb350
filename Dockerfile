# docker build -t cgm . && docker run --rm -p 8000:8000 cgm
FROM python:3.11-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends git make && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home reader
USER reader
WORKDIR /home/reader/cgm
COPY --chown=reader requirements.txt pyproject.toml Makefile README.md LICENSE ./
COPY --chown=reader cgmhelpers cgmhelpers
RUN make install
COPY --chown=reader . .
RUN make book PROFILE=smoke
EXPOSE 8000
CMD [".venv/bin/python", "-m", "http.server", "8000", "--directory", "runs/smoke/book/_build/html"]
