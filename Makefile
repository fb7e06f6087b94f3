# For people who expect one; ./run does the work and explains itself: ./run --help
.PHONY: run test check

run:
	@./run

test:
	@./run test

check:
	@./run check
