package dev.lnrnn;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Where the numbers of a (T,N,F) sequence lie in memory. */
enum Layout {
    TIME_MAJOR {
        @Override
        Strides strides(long steps, long batch, long features) {
            return new Strides(batch * features, features);
        }
    },
    BATCH_MAJOR {
        @Override
        Strides strides(long steps, long batch, long features) {
            return new Strides(features, steps * features);
        }
    },
    /** Time-major with gaps after every row and every step, of odd sizes: no vector stays aligned. */
    GAPS {
        @Override
        Strides strides(long steps, long batch, long features) {
            return new Strides(batch * (features + 3) + 5, features + 3);
        }
    };

    /** What memory holds before a result is written: as f32 or f64, a NaN. */
    static final byte UNWRITTEN = (byte) 0xFF;

    abstract Strides strides(long steps, long batch, long features);

    long bytes(DataType type, int steps, int batch, int features) {
        if (steps == 0 || batch == 0) {
            return 0;
        }
        return type.byteSize() * (index(steps - 1, batch - 1, steps, batch, features) + features);
    }

    /** A host image of the sequence, gaps unwritten. */
    MemorySegment spread(DataType type, double[] values, int steps, int batch, int features) {
        byte[] image = new byte[Math.toIntExact(bytes(type, steps, batch, features))];
        Arrays.fill(image, UNWRITTEN);
        MemorySegment memory = MemorySegment.ofArray(image);
        for (int t = 0; t < steps; t++) {
            for (int n = 0; n < batch; n++) {
                for (int f = 0; f < features; f++) {
                    long at = index(t, n, steps, batch, features) + f;
                    Numbers.set(type, memory, at, values[(t * batch + n) * features + f]);
                }
            }
        }
        return memory;
    }

    /** The numbers of an image; fails where a gap between rows was written. */
    double[] gather(DataType type, MemorySegment image, int steps, int batch, int features) {
        double[] values = new double[steps * batch * features];
        for (int t = 0; t < steps; t++) {
            for (int n = 0; n < batch; n++) {
                for (int f = 0; f < features; f++) {
                    long at = index(t, n, steps, batch, features) + f;
                    values[(t * batch + n) * features + f] = Numbers.get(type, image, at);
                }
            }
        }
        if (spread(type, values, steps, batch, features).mismatch(image) >= 0) {
            throw new AssertionError("memory between the rows of a strided result was written");
        }
        return values;
    }

    private long index(int t, int n, int steps, int batch, int features) {
        Strides strides = strides(steps, batch, features);
        return t * strides.step() + n * strides.row();
    }
}
