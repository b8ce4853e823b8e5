package dev.lnrnn.bench.jmh;

import java.lang.foreign.Arena;

/** Where segments that are passed to C live. */
public enum Home {
    GLOBAL, AUTO, CONFINED, SHARED,
    /** Every segment in a shared arena of its own. */
    SHARED_EACH;

    Arena arena() {
        return switch (this) {
            case GLOBAL -> Arena.global();
            case AUTO -> Arena.ofAuto();
            case CONFINED -> Arena.ofConfined();
            case SHARED, SHARED_EACH -> Arena.ofShared();
        };
    }

    void close(Arena arena) {
        if (this != GLOBAL && this != AUTO) {
            arena.close();
        }
    }
}
