package dev.lnrnn;

/**
 * Where the rows of a tensor lie: row (t, n) is the {@code bytes} from t&middot;step + n&middot;row after the tensor's
 * beginning on. Memory without gaps is a single row. A stride that nothing is multiplied by may have wrapped.
 */
record Rows(long steps, long step, long batch, long row, long bytes) {
    /** Beyond it offsets might not fit, and no machine has so many bytes. */
    private static final long MAX_ADDRESS = 1L << 61;

    static Rows whole(long bytes) {
        return new Rows(1, 0, 1, 0, bytes);
    }

    /**
     * Whether a byte is in rows of both, which begin at these addresses and are not empty. Costs next to nothing where
     * the strides are the same, as those of columns of one matrix, else a little for each row of this.
     */
    boolean meet(long start, Rows other, long otherStart) {
        if (!isMemory(start) || !other.isMemory(otherStart)) {
            return true;
        }
        if (hasStridesOf(other)) {
            // Only differences of indices count: one row of this against the other as far as it reaches either way.
            long before = (steps - 1) * step + (batch - 1) * row;
            Rows differences = new Rows(2 * steps - 1, step, 2 * batch - 1, row, other.bytes);
            return differences.anyIn(start - (otherStart - before), bytes);
        }
        for (long t = 0; t < steps; t++) {
            for (long n = 0; n < batch; n++) {
                if (other.anyIn(start + t * step + n * row - otherStart, bytes)) {
                    return true;
                }
            }
        }
        return false;
    }

    private boolean isMemory(long start) {
        long extent = (steps - 1) * step + (batch - 1) * row + bytes;
        return (start | extent) >= 0 && start <= MAX_ADDRESS && extent <= MAX_ADDRESS - start;
    }

    private boolean hasStridesOf(Rows other) {
        return steps == other.steps && batch == other.batch && (steps == 1 || step == other.step)
                && (batch == 1 || row == other.row);
    }

    /** Whether one of these rows has a byte among so many from an offset on. */
    private boolean anyIn(long from, long length) {
        boolean stepsOutside = step >= row;
        Progression outer = stepsOutside ? new Progression(steps, step) : new Progression(batch, row);
        Progression inner = stepsOutside ? new Progression(batch, row) : new Progression(steps, step);
        long extent = (inner.count - 1) * inner.stride + bytes;
        long end = outer.end(from, length);
        for (long i = outer.begin(from, extent); i < end; i++) {
            long offset = from - i * outer.stride;
            if (inner.begin(offset, bytes) < inner.end(offset, length)) {
                return true;
            }
        }
        return false;
    }

    /** The indices 0...count - 1, and where what has an index begins. */
    private record Progression(long count, long stride) {
        /** Whether all are at the same place. */
        private boolean isOne() {
            return count == 1 || stride == 0;
        }

        /** The first index whose {@code bytes} reach beyond an offset. */
        private long begin(long from, long bytes) {
            if (isOne()) {
                return from < bytes ? 0 : 1;
            }
            return Math.max(0, Math.floorDiv(from - bytes, stride) + 1);
        }

        /** The index behind the last that begins before the end of so many bytes from an offset on. */
        private long end(long from, long length) {
            if (isOne()) {
                return from + length > 0 ? 1 : 0;
            }
            return Math.min(count, Math.floorDiv(from + length - 1, stride) + 1);
        }
    }
}
