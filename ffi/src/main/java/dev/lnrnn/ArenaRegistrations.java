package dev.lnrnn;

import dev.lnrnn.internal.Handle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.WeakHashMap;

/**
 * The registrations of memory in one arena, which its closing ends before that memory is freed. An arena runs its
 * cleanups, among them the freeing of what it allocated, in the reverse of their order and forgets none before it is
 * closed. So there is one cleanup for each piece of memory that was ever registered, and not one for each registration.
 */
final class ArenaRegistrations {
    private static final Map<MemorySegment.Scope, ArenaRegistrations> OF_ARENAS = new WeakHashMap<>();

    private final Set<Handle> open = new LinkedHashSet<>();
    /** Where memory begins and ends that was there before the latest cleanup was added; no two of them touch. */
    private final TreeMap<Long, Long> guarded = new TreeMap<>();

    private ArenaRegistrations() {}

    static ArenaRegistrations of(Arena arena) {
        synchronized (OF_ARENAS) {
            return OF_ARENAS.computeIfAbsent(arena.scope(), scope -> new ArenaRegistrations());
        }
    }

    /** Makes the arena end a registration at the latest; an IllegalStateException if it is closed. */
    synchronized void add(Handle registration, MemorySegment host, Arena arena) {
        if (!isGuarded(host)) {
            host.reinterpret(arena, ending -> endAll());
            guard(host.address(), host.address() + host.byteSize());
        }
        // Those that their device ended.
        open.removeIf(other -> !other.isAlive());
        open.add(registration);
        if (!arena.scope().isAlive()) {
            throw new IllegalStateException("arena is closed");
        }
    }

    synchronized void remove(Handle registration) {
        open.remove(registration);
    }

    private void endAll() {
        List<Handle> last;
        synchronized (this) {
            last = List.copyOf(open);
            open.clear();
        }
        last.forEach(Handle::close);
    }

    private boolean isGuarded(MemorySegment host) {
        Map.Entry<Long, Long> piece = guarded.floorEntry(host.address());
        return piece != null && piece.getValue() >= host.address() + host.byteSize();
    }

    private void guard(long begin, long end) {
        Map.Entry<Long, Long> piece = guarded.floorEntry(end);
        long first = begin;
        long last = end;
        while (piece != null && piece.getValue() >= first) {
            first = Math.min(first, piece.getKey());
            last = Math.max(last, piece.getValue());
            guarded.remove(piece.getKey());
            piece = guarded.floorEntry(last);
        }
        guarded.put(first, last);
    }
}
