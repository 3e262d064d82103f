# Front door only: each target is one command, which can also be run by itself.

.DEFAULT_GOAL := help
.PHONY: help demo check test check-full bench soak shell kernel deb dkms-deb clean

help:
	@echo "make demo          see it work: a mounted, busy file system gets a target attached and detached (KERNEL=patched)"
	@echo "make check         all tests but the long ones (make check T=name: only those named so; KERNEL=stock-7.3: on that)"
	@echo "make check-full    all tests, and those of make check once more in a kernel that looks for data races; hours"
	@echo "                   (RESUME=1: not those that have passed before; PART=2/6: a part; TABLE=1: only show what is known)"
	@echo "make bench         measure what it costs, beside an unpatched kernel and ordinary device-mapper (QUICK=1: a part)"
	@echo "make soak HOURS=8  random operations under load for so long (SEED=… repeats a run; tests/soak --help)"
	@echo "make shell         a root shell in the virtual machine, with the patched kernel"
	@echo "make deb           Debian packages, in deb/: the userland, and the module for unpatched kernels (make dkms-deb: that alone)"
	@echo "make kernel        only build the kernels"
	@echo "make clean         remove built kernels and logs"
	@echo
	@echo "Each installs and builds what it needs. To use it on a kernel of your own: README.md"

demo:
	tools/deps && tools/demo $(KERNEL)

SELECT = $(if $(KERNEL),--kernel $(KERNEL)) $(if $(RESUME),--resume) $(if $(PART),--part $(PART)) \
	$(if $(TABLE),--table)

check test:
	tools/deps && tests/run --tier check $(SELECT)

check-full:
	tools/deps && tests/run --tier full $(SELECT)

bench:
	tools/deps && bench/run $(if $(QUICK),--quick)

soak:
	tools/deps && tests/soak --hours $(or $(HOURS),1) $(if $(SEED),--seed $(SEED))

shell:
	tools/deps && tools/vm/run --shell

deb:
	tools/deps --packaging && tools/deb

dkms-deb:
	tools/deps --packaging && tools/deb --dkms

kernel:
	tools/deps && tools/build debug && tools/build plain

clean:
	tools/clean
