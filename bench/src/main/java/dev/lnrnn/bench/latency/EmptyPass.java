package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.jmh.CallBenchmark;
import dev.lnrnn.bench.jmh.CallFromCBenchmark;
import dev.lnrnn.bench.jmh.PointersBenchmark;

/** Passes on a batch of no rows, {@link Turns#CALLS} calls each, every kind in a loop of its own. */
enum EmptyPass {
    STEP("step of no rows", 5, java -> {
        for (int i = 0; i < Turns.CALLS; i++) {
            java.emptyStep();
        }
    }, CallFromCBenchmark::emptyStep),
    INFERENCE("inference pass of no rows", 8, java -> {
        for (int i = 0; i < Turns.CALLS; i++) {
            java.emptyInference();
        }
    }, CallFromCBenchmark::emptyInference),
    FORWARD("training forward of no rows", 9, java -> {
        for (int i = 0; i < Turns.CALLS; i++) {
            java.emptyTrainingForward();
        }
    }, CallFromCBenchmark::emptyTrainingForward),
    BACKWARD("training backward of no rows", 10, java -> {
        for (int i = 0; i < Turns.CALLS; i++) {
            java.emptyTrainingBackward();
        }
    }, CallFromCBenchmark::emptyTrainingBackward);

    final String what;
    /** Where each buffer has one of its own: as many as buffers, beside the plan's. */
    final int furtherArenas;
    final Calls<CallBenchmark> fromJava;
    final Calls<CallFromCBenchmark> fromC;

    EmptyPass(String what, int furtherArenas, Calls<CallBenchmark> fromJava, Calls<CallFromCBenchmark> fromC) {
        this.what = what;
        this.furtherArenas = furtherArenas;
        this.fromJava = fromJava;
        this.fromC = fromC;
    }

    /** Calls of a benchmark, ready to run. */
    @FunctionalInterface
    interface Calls<B> {
        void of(B benchmark) throws Throwable;
    }

    /** As many calls of a function that does nothing. */
    static void pointers(PointersBenchmark benchmark) throws Throwable {
        for (int i = 0; i < Turns.CALLS; i++) {
            benchmark.ffm3();
        }
    }
}
