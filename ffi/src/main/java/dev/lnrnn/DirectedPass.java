package dev.lnrnn;

import dev.lnrnn.internal.Lifetime;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** What forward and backward passes have in common: their struct follows the settings of the {@link TrainingPasses}. */
abstract class DirectedPass {
    private final TrainingPasses training;
    final BoundCall call;
    // Of the call, here where a run need not ask it.
    final MemorySegment handle;
    final MemorySegment queue;
    final MemorySegment[] held;
    /** What a change of the settings starts from; null when this is closed. */
    private @Nullable PassArguments arguments;
    /** Those that the struct has; written after it. */
    private volatile SequenceSettings settings;
    /** The struct alone, for runs; null when this is closed. */
    private volatile @Nullable MemorySegment struct;

    DirectedPass(TrainingPasses training, BoundCall call, PassArguments arguments) {
        this.training = training;
        this.call = call;
        this.handle = call.handle();
        this.queue = call.queue();
        this.held = call.held();
        this.arguments = arguments;
        this.struct = arguments.struct();
        this.settings = arguments.settings();
    }

    /** A struct with the latest settings: nearly always the one of the run before. */
    final MemorySegment latestStruct() {
        if (!training.isLatest(settings)) {
            follow();
        }
        MemorySegment current = struct;
        if (current == null) {
            throw closed();
        }
        return current;
    }

    private synchronized void follow() {
        change(open().with(training.settings()));
    }

    /** Changes a member of the struct that is this pass's own. */
    final synchronized void set(long offset, int value) {
        training.settings();
        change(open().with(offset, value));
    }

    private void change(PassArguments changed) {
        arguments = changed;
        struct = changed.struct();
        settings = changed.settings();
    }

    final synchronized void refuseRuns() {
        arguments = null;
        struct = null;
    }

    private PassArguments open() {
        PassArguments current = arguments;
        if (current == null) {
            throw closed();
        }
        return current;
    }

    private IllegalStateException closed() {
        return Lifetime.closed("this " + getClass().getSimpleName());
    }
}
