# Album covers to genres, on Spark. `make` lists what can be done.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SUBMIT := $(BIN)/spark-submit

# COVERS, OUTPUT and MODEL choose a catalogue, its warehouse and a bundle; ARGS passes anything else.
override SCORE_ARGS := $(if $(COVERS),--covers "$(COVERS)") $(if $(OUTPUT),--output "$(OUTPUT)") \
	$(if $(MODEL),--model "$(MODEL)") $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help env demo score scrape prepare train train_detector mine_labels train_fusion evaluate convert describe analyse explain sql serve report promote maintain quarantine mlflow wheel test kills docs lint format lock clean

help: ## List what can be done
	@grep -E '^[a-z_]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

env: $(READY) ## Create .venv from the lock file and make its Spark ready

$(READY): requirements.lock pyproject.toml deploy/spark_home.py deploy/class_archive.py conf/spark-defaults.conf conf/log4j2.properties
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) was not found: install Python 3.11, \
	or run make PYTHON=/path/to/python3.11" >&2; exit 3; }
	@$(PYTHON) -m covergenre.environment
	@echo "creating $(VENV) (once; about three minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat -e .
	@$(BIN)/python -m deploy.class_archive
	@touch $@

score: $(READY) ## Score the demo catalogue, or COVERS=folder [OUTPUT=dir] [MODEL=bundle]
	@$(SUBMIT) jobs/score.py $(SCORE_ARGS)

scrape: $(READY) ## Read COVERS=folder, or SOURCE=musicbrainz|allmusic CONTACT=mail, into tables [OUTPUT=dir]
	@$(if $(SOURCE)$(COVERS)$(ARGS),,$(error say what to scrape: make scrape COVERS=folder, or \
		make scrape SOURCE=musicbrainz CONTACT=you@example.org))
	@$(SUBMIT) jobs/scrape.py $(if $(SOURCE),--source "$(SOURCE)") $(if $(COVERS),--covers "$(COVERS)") \
		$(if $(CONTACT),--set "scrape.contact=$(CONTACT)") $(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS)

prepare: $(READY) ## Find near-duplicates and folds of COVERS=folder [OUTPUT=dir]
	@$(SUBMIT) jobs/prepare.py --covers "$(COVERS)" $(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS)

train: $(READY) ## Train a classifier on COVERS=folder [OUTPUT=dir] [ARGS="--backbone resnet101"]
	@$(SUBMIT) jobs/train.py --covers "$(COVERS)" $(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS)

train_detector: $(READY) ## Train a label detector on COVERS=folder [OUTPUT=dir] [MODEL=bundle to put it in]
	@$(SUBMIT) jobs/train_detector.py --covers "$(COVERS)" $(if $(OUTPUT),--output "$(OUTPUT)") \
		$(if $(MODEL),--model "$(MODEL)") $(ARGS)

train_fusion: $(READY) ## Combine all that MODEL=bundle knows of covers of COVERS=folder [OUTPUT=dir]
	@$(SUBMIT) jobs/train_fusion.py --covers "$(COVERS)" $(if $(OUTPUT),--output "$(OUTPUT)") \
		$(if $(MODEL),--model "$(MODEL)") $(ARGS)

mine_labels: $(READY) ## Show what MODEL=bundle takes for labels on unmarked covers of COVERS=folder [OUTPUT=dir]
	@$(SUBMIT) jobs/mine_labels.py --covers "$(COVERS)" $(if $(OUTPUT),--output "$(OUTPUT)") \
		$(if $(MODEL),--model "$(MODEL)") $(ARGS)

evaluate: $(READY) ## Judge MODEL=bundle on the held-out covers of COVERS=folder [OUTPUT=dir] [AGAINST=bundle]
	@$(SUBMIT) jobs/evaluate.py --covers "$(COVERS)" $(if $(OUTPUT),--output "$(OUTPUT)") \
		$(if $(MODEL),--model "$(MODEL)") $(if $(AGAINST),--against "$(AGAINST)") $(ARGS)

describe: $(READY) ## Say what is on the covers, measure colour and composition, of COVERS=folder [OUTPUT=dir]
	@$(SUBMIT) jobs/describe.py $(if $(COVERS),--covers "$(COVERS)") $(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS)

analyse: $(READY) ## Tables and plots of concepts and colours per genre and year of COVERS=folder [OUTPUT=dir] [REPORT=dir]
	@$(SUBMIT) jobs/analyse.py $(if $(COVERS),--covers "$(COVERS)") $(if $(OUTPUT),--output "$(OUTPUT)") \
		$(if $(REPORT),--report "$(REPORT)") $(ARGS)

explain: $(READY) ## Say of one cover what it looks like and why, FILE=cover.jpg [MODEL=bundle]
	@$(BIN)/python jobs/explain.py $(if $(FILE),"$(FILE)") $(if $(MODEL),--model "$(MODEL)") $(ARGS)

sql: $(READY) ## Open a SQL shell with the tables and views of COVERS=folder or OUTPUT=dir
	@$(SUBMIT) jobs/query.py --ddl spark $(if $(DATABASE),--database "$(DATABASE)") \
		$(if $(COVERS),--covers "$(COVERS)") $(if $(OUTPUT),--output "$(OUTPUT)") > $(VENV)/names.sql
	@echo "SET spark.sql.cli.print.header=true; SHOW TABLES;" >> $(VENV)/names.sql
	@sed -i "1i SET spark.sql.cli.print.header=false;" $(VENV)/names.sql
	@$(BIN)/spark-sql -i $(VENV)/names.sql $(ARGS)

serve: $(READY) ## Answer SQL of BI tools at localhost:10000 (JDBC, ODBC), of COVERS=folder or OUTPUT=dir
	@echo "exit;" | $(MAKE) --no-print-directory --silent sql > /dev/null
	@echo "jdbc:hive2://localhost:10000/$(or $(DATABASE),covergenre)"
	@$(SUBMIT) --class org.apache.spark.sql.hive.thriftserver.HiveThriftServer2 $(ARGS) spark-internal \
		--hiveconf hive.server2.thrift.bind.host=$(or $(HOST),localhost)

report: $(READY) ## Show the results of COVERS=folder [OUTPUT=dir] on one page [REPORT=file]
	@$(SUBMIT) jobs/report.py $(if $(COVERS),--covers "$(COVERS)") $(if $(OUTPUT),--output "$(OUTPUT)") \
		$(if $(REPORT),--report "$(REPORT)") $(ARGS)

convert: $(READY) ## Let scoring compute faster with MODEL=bundle, if COVERS=folder show that it may [OUTPUT=dir]
	@$(SUBMIT) jobs/convert.py --covers "$(COVERS)" $(if $(OUTPUT),--output "$(OUTPUT)") \
		$(if $(MODEL),--model "$(MODEL)") $(ARGS)

promote: $(READY) ## Use BUNDLE=dir where no bundle is named, if it is good enough
	@$(BIN)/python jobs/promote.py $(if $(BUNDLE),"$(BUNDLE)") $(ARGS)

maintain: $(READY) ## Compact and clean the tables of COVERS=folder or OUTPUT=dir [ARGS="--takedown cover.jpg"]
	@$(SUBMIT) jobs/maintain.py $(if $(COVERS),--covers "$(COVERS)") $(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS)

quarantine: $(READY) ## List albums without a usable cover of COVERS=folder or OUTPUT=dir [WHAT=retry ARGS=--all]
	@$(SUBMIT) jobs/quarantine.py $(or $(WHAT),list) $(if $(COVERS),--covers "$(COVERS)") \
		$(if $(OUTPUT),--output "$(OUTPUT)") $(ARGS)

mlflow: $(READY) ## Show the experiments in a browser (needs uv) [URI=sqlite:///models/mlflow.db]
	@MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false uvx "mlflow==$$($(BIN)/python -c \
		'from importlib.metadata import version; print(version("mlflow-skinny"))')" \
		server --backend-store-uri "$(or $(URI),sqlite:///models/mlflow.db)" --workers 1 $(ARGS)

wheel: $(READY) ## Build one wheel of everything into dist/
	@rm -rf build/lib build/bdist.* dist
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/*.whl

test: $(READY) ## Run every test
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

kills: $(READY) ## Kill thirty runs of a cluster at any moment: each must end as if undisturbed
	@$(BIN)/python -m tests.cluster.kills $(ARGS)

docs: $(READY) ## Make a site of docs/ in build/site; a link that leads nowhere is an error
	@$(BIN)/mkdocs build --quiet
	@echo "build/site/index.html"

lint: $(READY) ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(READY) ## Put the code into the project's style
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## Resolve pyproject.toml into requirements.lock (needs uv)
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --output-file requirements.lock

clean: ## Remove what the jobs made: demo covers, warehouses, bundles
	rm -rf data warehouse models spark-warehouse metastore_db derby.log
