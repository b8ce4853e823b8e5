package dev.lnrnn.bench.parity;

import dev.lnrnn.DataType;
import dev.lnrnn.Device;
import dev.lnrnn.DeviceOptions;
import dev.lnrnn.bench.BadResultException;
import dev.lnrnn.bench.DeviceOption;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.bench.Outputs;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.Tensor;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes what the library computes of a reference case, for others to compare. */
@Command(
        name = "parity",
        description = {
            "Run a reference case and write the results: y, hn, cn and, of a training case, grad.NAME for x, h0, c0 "
                    + "and every parameter, as F64.",
            "A case that this version cannot run yet ends with status 3."})
public final class ParityCommand implements Callable<Integer> {

    @Parameters(paramLabel = "CASE.safetensors", description = "The case: inputs, parameters, upstream gradients.")
    private Path input;

    @Option(names = "--out", required = true, paramLabel = "RESULT.safetensors", description = "The file to write.")
    private Path output;

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Option(names = "--dtype", defaultValue = "f64", paramLabel = "f64|f32|bf16|f16",
            description = "The layer's data type. Default: ${DEFAULT-VALUE}.")
    private DataType type;

    @Option(names = "--check", description = "Also compare the results with the case's reference, within the "
            + "case's own bounds; exit status 1 if one is outside.")
    private boolean check;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        new Outputs().reading("the case", input).writing("--out", output);
        try (Case reference = Case.read(input); Device opened = device.open(DeviceOptions.DEFAULTS)) {
            Map<String, CaseRun.Result> results = new CaseRun(reference, opened, type).run();
            requireFinite(results);
            write(results);
            if (!check) {
                return ExitCode.OK;
            }
            PrintWriter out = spec.commandLine().getOut();
            boolean good = new Check(reference, type, results).print(out);
            out.flush();
            return good ? ExitCode.OK : ExitCode.BAD_RESULT;
        }
    }

    private static void requireFinite(Map<String, CaseRun.Result> results) {
        results.forEach((name, result) -> {
            for (int i = 0; i < result.values().length; i++) {
                if (!Double.isFinite(result.values()[i])) {
                    throw new BadResultException(
                            "The library computed " + result.values()[i] + " at element " + i + " of "
                                    + name + ", which is not finite; nothing is written.");
                }
            }
        });
    }

    private void write(Map<String, CaseRun.Result> results) throws IOException {
        List<Tensor> tensors = new ArrayList<>();
        results.forEach((name, result) -> tensors.add(Tensor.f64(name, result.shape(), result.values())));
        Safetensors.write(output, Map.of("dtype", type.name()), tensors);
    }
}
