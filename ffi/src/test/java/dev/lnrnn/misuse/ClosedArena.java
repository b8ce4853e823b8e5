package dev.lnrnn.misuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An arena that is closed already, with a segment from the time when it was not. */
final class ClosedArena implements Arena {

    private final Arena arena = Arena.ofConfined();
    final MemorySegment segment = arena.allocate(4096);

    ClosedArena() {
        arena.close();
    }

    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        return arena.allocate(byteSize, byteAlignment);
    }

    @Override
    public MemorySegment.Scope scope() {
        return arena.scope();
    }

    @Override
    public void close() {
        arena.close();
    }
}
