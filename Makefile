# make demo    try xdrtui on bundled attacks (SCENARIO=invoice|miner|cloud, RESET=1, DEMO=print)
# make test    lint, types, import contracts, all tests
# make soak    100 kills of workers under load on the real broker (KILLS=, SEED=)
# make bench   the scripts behind README's figures (RSIGMA=BINARY: also the comparison with RSigma)
# make clean   remove the virtual environment and what builds and checks left (workspaces stay)

VENV = .venv

help:
	@sed -n 's/^# //p' Makefile

demo:
	@sh .ci/environment run
	@$(VENV)/bin/xdrtui demo $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(RESET),--reset) $(if $(filter print,$(DEMO)),--print)

test:
	@sh .ci/environment dev
	@sh .ci/check

soak:
	@sh .ci/environment dev
	@XDRTUI_KILLS=$(or $(KILLS),100) XDRTUI_SEED=$(or $(SEED),$$(date +%s)) XDRTUI_LOSSES=8 \
		$(VENV)/bin/pytest -n0 -s -p no:cacheprovider tests/kafka/test_kills.py tests/kafka/test_three_brokers.py \
		tests/kafka/soak_*.py

bench:
	@sh .ci/environment dev
	@missed=; for script in tests/benchmarks/[a-z]*.py; do \
		echo "== $$script"; \
		$(VENV)/bin/python -m tests.benchmarks.$$(basename $$script .py) || missed="$$missed $$script"; \
	done; [ -z "$$missed" ] || { echo "Missed a goal, or failed:$$missed"; exit 1; }

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.PHONY: help demo test soak bench clean
