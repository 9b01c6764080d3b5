# Copyright: (c) 2026, The msdevices.provisioning maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every target does its own set-up, below .build/. Needed: make, git and Python 3.10 to 3.13; molecule and image also
# need podman, runc and debootstrap, integration a Chromium with its driver, and unit and integration wimtools; on
# Debian, as root, they install that.
#
#   PYTHON=/path/to/python   use this one, not the newest that is found
#   CORE=2.16 [PY=3.10]      run sanity, unit, integration, compatibility or smoke with the newest release of this
#                            ansible-core
#   PROCESSES=4              run so many tests of a suite at the same time (3; much of it is waiting)

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BUILD := .build
SUITES := lint unit sanity integration molecule image faults
PROCESSES := 3
# Under which name a suite leaves its results.
SUITE = $@

# The Pythons that each ansible-core runs on, as far as this collection supports them; tests/tools/matrix.py reads it.
BOUNDS_2.16 := 3.10 3.12
BOUNDS_2.17 := 3.10 3.12
BOUNDS_2.18 := 3.11 3.13
BOUNDS_2.19 := 3.11 3.13
BOUNDS_2.20 := 3.12 3.13
BOUNDS_2.21 := 3.12 3.13

# Which Python, which packages, which ansible-core: one virtual environment for each purpose. Most of the package ansible
# is collections that no test imports: these are not compiled, which would take a minute.
ifdef CORE
VENV := $(BUILD)/core-$(CORE)$(addprefix -py,$(PY))
VENV_REQUIREMENTS := tests/requirements/test.txt
# Release N of the package ansible holds ansible-core 2.(N+7); pip would find it, after minutes.
VENV_EXTRA := 'ansible-core==$(CORE).*' "ansible==$$(( $(patsubst 2.%,%,$(CORE)) - 7 )).*"
PYTHON_BOUNDS := $(if $(PY),$(PY) $(PY),$(BOUNDS_$(CORE)))
ifdef LIGHT
# The package ansible is large: its collections are linked from another environment of the same ansible-core.
VENV_REQUIREMENTS := tests/requirements/pytest.txt
VENV_EXTRA := 'ansible-core==$(CORE).*'
endif
else
VENV := $(BUILD)/venv
VENV_REQUIREMENTS := tests/requirements/dev.txt
VENV_EXTRA :=
PYTHON_BOUNDS := 3.10 3.13
endif
DEMO_VENV := $(BUILD)/demo
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check

COLLECTION := $(BUILD)/collections/ansible_collections/msdevices/provisioning

# The tests see this collection and the packaged ones, and no configuration of the user.
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/$(BUILD)/collections
export ANSIBLE_CONFIG := $(CURDIR)/tests/ansible.cfg
export ANSIBLE_HOME := $(CURDIR)/$(BUILD)/ansible
WITH_VENV := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
PYTEST = $(WITH_VENV) python -m pytest -n $(PROCESSES) --dist worksteal --junit-xml=$(BUILD)/results/$(SUITE).xml
WITH_DEMO := PATH="$(CURDIR)/$(DEMO_VENV)/bin:$$PATH"

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(DEMO_VENV)/.stamp $(COLLECTION) ## stage licenses onto two hosts from each service of the emulator, and provision an app in an image, twice
	@$(WITH_DEMO) python tests/demo/run.py

.PHONY: test
test: $(VENV)/.stamp $(COLLECTION) ## run everything below but the matrix, and print how many tests passed and failed
	@$(WITH_VENV) python tests/tools/run_all.py $(SUITES)

.PHONY: test-fast
test-fast: $(VENV)/.stamp $(COLLECTION) ## the quick part: static checks, unit tests, and the most telling faults
	@$(WITH_VENV) python tests/tools/run_all.py --keep-going lint-fast unit faults-fast

.PHONY: everything
everything: $(VENV)/.stamp $(COLLECTION) ## test and matrix in one, as before a release; with MINUTES=60 no suite of the matrix begins later
	@$(WITH_VENV) python tests/tools/run_all.py --matrix $(addprefix --minutes ,$(MINUTES)) $(SUITES)

.PHONY: matrix
matrix: $(VENV)/.stamp $(COLLECTION) ## integration, and some of the others, on each ansible-core with the Pythons of this machine; with WHOLE=yes all of integration on each
	@$(WITH_VENV) python tests/tools/run_all.py --keep-going --matrix $(if $(WHOLE),--whole)

.PHONY: lint
lint: $(VENV)/.stamp $(COLLECTION) ## static checks, documentation, changelog, import of the built collection
	@$(WITH_VENV) python tests/tools/lint.py

.PHONY: lint-fast
lint-fast: $(VENV)/.stamp $(COLLECTION) ## the static checks that take seconds
	@$(WITH_VENV) python tests/tools/lint.py --fast

.PHONY: unit
unit: $(VENV)/.stamp $(COLLECTION) ## unit tests; with CORE those of the collection, not those of the emulator and of the played Windows hosts
	@sh tests/tools/install_system_packages.sh wimlib-imagex:wimtools
	@$(PYTEST) $(if $(CORE),tests/unit,$(wildcard tests/unit*))

.PHONY: sanity
sanity: $(VENV)/.stamp ## ansible-test sanity, all tests, no ignore file
	@$(WITH_VENV) python tests/tools/sanity.py $(SUITE)

.PHONY: integration
integration: $(VENV)/.stamp $(COLLECTION) ## ansible-playbook against the emulator
	@sh tests/tools/install_system_packages.sh chromium chromedriver:chromium-driver wimlib-imagex:wimtools
	@$(PYTEST) tests/integration_playbooks

.PHONY: compatibility
compatibility: $(VENV)/.stamp $(COLLECTION) ## the tests of integration that depend most on ansible-core
	@$(PYTEST) -m "not once" tests/integration_playbooks

.PHONY: smoke
smoke: $(VENV)/.stamp $(COLLECTION) ## a slice of integration that uses each plugin
	@$(PYTEST) -m "smoke and not once" $$(grep -l mark.smoke tests/integration_playbooks/test_*.py)

.PHONY: faults
faults: $(VENV)/.stamp $(COLLECTION) ## every caller under every fault; prints the table of faults and callers
	@$(PYTEST) tests/fault_battery

.PHONY: faults-fast
faults-fast: $(VENV)/.stamp $(COLLECTION)
	@$(PYTEST) -m quick tests/fault_battery

.PHONY: molecule
molecule: $(VENV)/.stamp $(COLLECTION) ## the role on two Linux hosts in containers
	@sh tests/tools/install_system_packages.sh
	@$(WITH_VENV) python tests/tools/molecule.py

.PHONY: image
image: $(VENV)/.stamp $(COLLECTION) ## build the execution environment and use everything in a container of it
	@sh tests/tools/install_system_packages.sh
	@$(PYTEST) -n 0 tests/execution_environment

# Suites of the matrix, such as integration-2.16-py3.10.
IN_MATRIX = $(MAKE) --no-print-directory $(firstword $(subst -, ,$@)) SUITE=$@ \
	CORE=$(firstword $(subst -, ,$*)) PY=$(patsubst py%,%,$(word 2,$(subst -, ,$*)))

setup-% unit-% sanity-% integration-% compatibility-%:
	@$(IN_MATRIX)

smoke-%:
	@$(IN_MATRIX) LIGHT=yes

# The virtual environment of a smoke suite.
light-%:
	@$(MAKE) --no-print-directory setup-$* LIGHT=yes

.PHONY: bench
bench: $(VENV)/.stamp $(COLLECTION) ## compare the collection with a playbook without it, at 10 to 1,000 licenses
	@$(WITH_VENV) python tests/bench/run.py

.PHONY: docs
docs: $(VENV)/.stamp $(COLLECTION) ## build the pages of the plugins, the roles and the guide below .build/docs
	@$(WITH_VENV) sh tests/tools/build_docs.sh $(BUILD)/docs

.PHONY: setup
setup: $(VENV)/.stamp $(COLLECTION) ## only the set-up, for work with an editor or with pytest itself

.PHONY: clean
clean: ## remove everything that the other targets have made
	@if command -v podman >/dev/null 2>&1; then \
		podman rm --force --ignore msdevices-stage-1 msdevices-stage-2 msdevices-execution-environment; \
		podman rmi --force localhost/msdevices-execution-environment localhost/msdevices-execution-environment-base \
			localhost/msdevices-stage 2>/dev/null || true; \
	fi
	@rm -rf $(BUILD) .ansible tests/output

$(VENV)/.stamp: $(VENV_REQUIREMENTS) tests/requirements/test.txt tests/requirements/pytest.txt tests/requirements/docs.txt \
		tests/requirements/demo.txt requirements.txt
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then python=$$(sh tests/tools/find_python.sh $(PYTHON_BOUNDS)) || exit 1; fi; \
	echo "Setting up $(VENV) with $$python"; \
	"$$python" -m venv --clear $(VENV)
	@$(VENV)/bin/python $(PIP_INSTALL) --no-compile -r $(VENV_REQUIREMENTS) $(VENV_EXTRA)
	@$(VENV)/bin/python -m compileall -j 0 -qq -x '/ansible_collections/(?!ansible/windows/)' $(VENV)/lib || true
	@if [ -n "$(LIGHT)" ]; then sh tests/tools/link_collections.sh $(VENV) $(BUILD)/core-$(CORE)-py* $(BUILD)/venv; fi
	@touch $@

$(DEMO_VENV)/.stamp: tests/requirements/demo.txt requirements.txt
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then python=$$(sh tests/tools/find_python.sh) || exit 1; fi; \
	echo "Setting up $(DEMO_VENV) with $$python"; \
	"$$python" -m venv --clear $(DEMO_VENV)
	@$(DEMO_VENV)/bin/python $(PIP_INSTALL) -r tests/requirements/demo.txt
	@touch $@

# A link to this directory, at the path where Ansible looks for the collection.
$(COLLECTION):
	@mkdir -p $(dir $@)
	@ln -sfn ../../../.. $@
