package dev.lnrnn.internal;

import java.lang.foreign.Arena;

/** Closing of arenas with a sentence that names whose they are. */
public final class Lifetime {
    private Lifetime() {}

    /** Closes a shared arena, unless a call that is under way uses it. */
    public static void end(Arena arena, String owner) {
        try {
            arena.close();
        } catch (IllegalStateException e) {
            throw arena.scope().isAlive()
                    ? new IllegalStateException(owner + " is in use by a call in another thread", e)
                    : e;
        }
    }

    /** Refuses to go on with something whose scope has ended. */
    public static void check(Arena arena, String owner) {
        if (!arena.scope().isAlive()) {
            throw closed(owner);
        }
    }

    public static IllegalStateException closed(String owner) {
        return new IllegalStateException(owner + " is closed");
    }
}
