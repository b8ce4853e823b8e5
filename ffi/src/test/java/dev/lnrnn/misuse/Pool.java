package dev.lnrnn.misuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Executable;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Objects that are there for the whole run: of a device that no call is about, and of one that is closed. */
final class Pool {

    private final World foreign;
    private final World closed;
    private final MemorySegment ofAnotherThread;

    /** With one object of each kind that can be closed and that one of the methods takes. */
    Pool(Path directory, List<Executable> methods) {
        foreign = new World(directory, Kinds.RICHEST);
        closed = new World(directory, Kinds.RICHEST);
        methods.stream().flatMap(method -> List.of(method.getParameterTypes()).stream())
                .filter(Pool::has).distinct().forEach(type -> {
                    foreign.the(type);
                    closed.the(type);
                });
        closed.close();
        ofAnotherThread = allocateInAnotherThread();
    }

    private static MemorySegment allocateInAnotherThread() {
        FutureTask<MemorySegment> allocation = new FutureTask<>(() -> Arena.ofConfined().allocate(1 << 16, 64));
        Thread.ofPlatform().start(allocation);
        try {
            return allocation.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Confined to a thread that has ended. */
    MemorySegment ofAnotherThread() {
        return ofAnotherThread;
    }

    /** Not arenas and the like, which are Java's. */
    private static boolean has(Class<?> type) {
        return AutoCloseable.class.isAssignableFrom(type) && !type.isInterface();
    }

    /** Not to be closed. */
    Object foreign(Class<?> type) {
        return foreign.the(type);
    }

    Object closed(Class<?> type) {
        return closed.the(type);
    }
}
