package dev.lnrnn.bench.compare;

import dev.lnrnn.BackwardPass;
import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.ForwardPass;
import dev.lnrnn.InferencePass;
import dev.lnrnn.Parameter;
import dev.lnrnn.Plan;
import dev.lnrnn.PlanSizes;
import dev.lnrnn.Sequence;
import dev.lnrnn.Stream;
import dev.lnrnn.TrainingPasses;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;

/** This library, at the level of passes: inference from packed weights, training forward and backward. */
final class Lnrnn implements Contestant {

    private final Arena arena = Arena.ofShared();
    private final Device device;
    private final Stream stream;
    private final Plan plan;
    private final Problem problem;
    private final DeviceBuffer parameters;
    private final DeviceBuffer x;
    private final DeviceBuffer y;
    private final Work work;

    Lnrnn(Problem problem, Mode mode, int threads) {
        this.problem = problem;
        device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(threads));
        stream = device.defaultStream();
        plan = device.createPlan(problem.spec(), arena);
        Size size = problem.size();
        PlanSizes sizes = plan.sizes(size.steps(), size.batch());
        parameters = device.allocate(sizes.parameterBytes(), arena);
        for (Parameter parameter : plan.parameters()) {
            parameters.slice(parameter.offsetBytes(), parameter.elements() * Float.BYTES)
                    .copyFrom(MemorySegment.ofArray(problem.parameter(parameter.name())));
        }
        x = filled(problem.x());
        y = device.allocate(problem.dy().length * (long) Float.BYTES, arena);
        Sequence sequence = Sequence.timeMajor(size.steps(), size.batch());
        work = mode == Mode.FORWARD ? new Inference(sequence, sizes) : new Training(sequence, sizes);
    }

    /** What a mode does, and what it leaves beside y. */
    private sealed interface Work {

        void run();

        void addResults(Map<String, float[]> tensors);
    }

    private final class Inference implements Work {

        private final InferencePass pass;

        Inference(Sequence sequence, PlanSizes sizes) {
            DeviceBuffer packed = device.allocate(sizes.packedBytes(), arena);
            plan.pack(stream, parameters, packed);
            pass = plan.inference(sequence, stream).packed(packed).x(x).y(y)
                    .workspace(device.allocate(sizes.inferenceWorkspaceBytes(), arena)).bind();
        }

        @Override
        public void run() {
            pass.run();
        }

        @Override
        public void addResults(Map<String, float[]> tensors) {
        }
    }

    private final class Training implements Work {

        private final DeviceBuffer dx;
        private final DeviceBuffer gradients;
        private final ForwardPass forward;
        private final BackwardPass backward;

        Training(Sequence sequence, PlanSizes sizes) {
            dx = device.allocate(x.byteSize(), arena);
            gradients = device.allocate(sizes.parameterBytes(), arena);
            TrainingPasses pass = plan.training(sequence, stream).parameters(parameters).x(x)
                    .reserve(device.allocate(sizes.reserveBytes(), arena)).bind();
            forward = pass.forward().y(y)
                    .workspace(device.allocate(sizes.trainingWorkspaceBytes(), arena)).bind();
            backward = pass.backward().dy(filled(problem.dy())).gradients(gradients).dx(dx)
                    .workspace(device.allocate(sizes.backwardWorkspaceBytes(), arena)).bind();
        }

        @Override
        public void run() {
            forward.run();
            backward.run();
        }

        @Override
        public void addResults(Map<String, float[]> tensors) {
            tensors.put(Results.DX, read(dx));
            for (Parameter parameter : plan.parameters()) {
                tensors.put(parameter.name(), read(gradients.slice(parameter.offsetBytes(),
                        parameter.elements() * Float.BYTES)));
            }
        }
    }

    @Override
    public void run() {
        work.run();
        stream.synchronize();
    }

    Results results() {
        run();
        Map<String, float[]> tensors = new HashMap<>();
        tensors.put(Results.Y, read(y));
        work.addResults(tensors);
        return new Results(tensors);
    }

    @Override
    public double error(Results lnrnn) {
        return results().error(lnrnn);
    }

    private DeviceBuffer filled(float[] values) {
        DeviceBuffer buffer = device.allocate(values.length * (long) Float.BYTES, arena);
        buffer.copyFrom(MemorySegment.ofArray(values));
        return buffer;
    }

    private static float[] read(DeviceBuffer buffer) {
        float[] values = new float[Math.toIntExact(buffer.byteSize() / ValueLayout.JAVA_FLOAT.byteSize())];
        buffer.copyTo(MemorySegment.ofArray(values));
        return values;
    }

    @Override
    public void close() {
        arena.close();
        device.close();
    }
}
