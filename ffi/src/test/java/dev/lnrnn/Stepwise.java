package dev.lnrnn;

import dev.lnrnn.oracle.Problem;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** A problem's inference on the library, one streaming step at a time; y is the h of the last layer. */
final class Stepwise {

    private Stepwise() {}

    /** Plan and buffers live in arenas of their own. */
    static Map<String, double[]> results(Device device, Problem problem, Memory memory) {
        try (Plan plan = device.createPlan(problem.spec())) {
            return results(plan, problem, memory);
        }
    }

    /** Plan and buffers live in one arena. */
    static Map<String, double[]> inOneArena(Device device, Problem problem) {
        try (Arena arena = Arena.ofShared()) {
            return results(device.createPlan(problem.spec(), arena), problem, bytes -> device.allocate(bytes, arena));
        }
    }

    private static Map<String, double[]> results(Plan plan, Problem problem, Memory memory) {
        Device device = plan.device();
        DataType type = problem.spec().dataType();
        DataType stateType = type.accumulation();
        int batch = problem.batch();
        int width = batch * problem.outputs();
        double[] y = new double[problem.steps() * width];
        PlanSizes sizes = plan.sizes(1, batch);
        try (DeviceBuffer parameters = memory.tensor(sizes.parameterBytes());
                DeviceBuffer packed = memory.space(sizes.packedBytes());
                DeviceBuffer workspace = memory.space(sizes.stepWorkspaceBytes());
                DeviceBuffer x = memory.tensor((long) batch * problem.inputs() * type.byteSize());
                DeviceBuffer h = memory.tensor(sizes.stateBytes());
                DeviceBuffer c = problem.hasCell() ? memory.tensor(sizes.cellStateBytes()) : null) {
            for (Parameter parameter : plan.parameters()) {
                parameters.slice(parameter.offsetBytes(), parameter.elements() * type.byteSize())
                        .copyFrom(Numbers.encode(type, problem.tensor(parameter.name())));
            }
            plan.pack(device.defaultStream(), parameters, packed);
            h.copyFrom(Numbers.encode(stateType, problem.tensor("h0")));
            if (problem.hasCell()) {
                c.copyFrom(Numbers.encode(stateType, problem.tensor("c0")));
            }
            StepPass next = plan.step(batch, device.defaultStream()).packed(packed).x(x).h(h).c(c)
                    .workspace(workspace).bind();
            for (int t = 0; t < problem.steps(); t++) {
                x.copyFrom(Numbers.encode(type, step(problem.tensor("x"), t, batch * problem.inputs())));
                next.run();
                double[] ht = numbers(stateType, h);
                System.arraycopy(ht, ht.length - width, y, t * width, width);
            }
            Map<String, double[]> results = new HashMap<>(Map.of("y", y, "hn", numbers(stateType, h)));
            if (problem.hasCell()) {
                results.put("cn", numbers(stateType, c));
            }
            return results;
        }
    }

    private static double[] step(double[] sequence, int t, int width) {
        return Arrays.copyOfRange(sequence, t * width, (t + 1) * width);
    }

    private static double[] numbers(DataType type, DeviceBuffer buffer) {
        MemorySegment host = MemorySegment.ofArray(new byte[Math.toIntExact(buffer.byteSize())]);
        buffer.copyTo(host);
        return Numbers.decode(type, host);
    }
}
