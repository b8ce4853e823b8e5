package dev.lnrnn.bench.jmh;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.StepPass;
import dev.lnrnn.Stream;
import java.lang.foreign.Arena;

/** A layer-normalised LSTM that is fed one row, step by step, with all that it needs in one arena. */
public final class SingleStep implements AutoCloseable {

    private final Arena arena = Arena.ofShared();
    private final StepPass step;

    public SingleStep(Device device, Stream stream, long inputSize, long hiddenSize) {
        Plan plan = device.createPlan(LayerSpec.lstm(inputSize, hiddenSize), arena);
        PlanSizes sizes = plan.sizes(1, 1);
        DeviceBuffer parameters = device.allocate(sizes.parameterBytes(), arena);
        plan.initialize(stream, 1, parameters);
        DeviceBuffer packed = device.allocate(sizes.packedBytes(), arena);
        plan.pack(stream, parameters, packed);
        step = plan.step(1, stream)
                .packed(packed)
                .x(Buffers.random(device, arena, inputSize, 1))
                .h(Buffers.random(device, arena, hiddenSize, 2))
                .c(Buffers.random(device, arena, hiddenSize, 3))
                .workspace(device.allocate(sizes.stepWorkspaceBytes(), arena))
                .bind();
    }

    /** One downcall. On the CPU device the step has been computed when it returns. */
    public void run() {
        step.run();
    }

    @Override
    public void close() {
        arena.close();
    }
}
