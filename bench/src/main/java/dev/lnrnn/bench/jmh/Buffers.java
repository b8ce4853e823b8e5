package dev.lnrnn.bench.jmh;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** Device buffers for benchmarks; in one arena, so that a call has one liveness to check. */
final class Buffers {

    private Buffers() {}

    /** Normally distributed float32: zeros would flatter the arithmetic. */
    static DeviceBuffer random(Device device, Arena arena, long elements, long seed) {
        Random random = new Random(seed);
        float[] values = new float[Math.toIntExact(elements)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        DeviceBuffer buffer = device.allocate((long) values.length * Float.BYTES, arena);
        buffer.copyFrom(MemorySegment.ofArray(values));
        return buffer;
    }

    static DeviceBuffer allocate(Device device, Arena arena, long elements) {
        return device.allocate(elements * Float.BYTES, arena);
    }
}
