package dev.lnrnn.bench.peers;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The modules that libtorch is measured on, as TorchScript archives: a zip file with the source of a module and the
 * pickled object, which has no tensors of its own. Weights are arguments of the call, as they are of the functions that
 * nn.LSTM calls, and so can have gradients like any other argument.
 */
enum TorchScript {

    /** What nn.LSTM is inside. b_hh, which lnrnn does not have, is an argument too. */
    LSTM("""
              def forward(self: __torch__.Network, x: Tensor, h0: Tensor, c0: Tensor, weight_ih: Tensor, \
            weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> Tensor:
                y, hn, cn = torch.lstm(x, [h0, c0], [weight_ih, weight_hh, bias_ih, bias_hh], True, 1, 0., \
            self.training, False, False)
                return y
            """),

    /** haste's layer-normalised LSTM, its product with x for all steps at once. */
    LAYER_NORMALISED_LOOP("""
              def forward(self: __torch__.Network, x: Tensor, h0: Tensor, c0: Tensor, weight_ih: Tensor, \
            gain_i: Tensor, weight_hh: Tensor, gain_h: Tensor, bias: Tensor, gain_c: Tensor, bias_c: Tensor) -> Tensor:
                rows = [torch.size(weight_ih, 0)]
                units = [torch.size(weight_hh, 1)]
                steps = torch.unbind(torch.layer_norm(torch.linear(x, weight_ih), rows, gain_i, bias, %1$s), 0)
                h = h0
                c = c0
                y = annotate(List[Tensor], [])
                for t in range(torch.len(steps)):
                  v = torch.add(steps[t], torch.layer_norm(torch.linear(h, weight_hh), rows, gain_h, None, %1$s))
                  i, f, g, o = torch.chunk(v, 4, -1)
                  c = torch.add(torch.mul(torch.sigmoid(f), c), torch.mul(torch.sigmoid(i), torch.tanh(g)))
                  k = torch.layer_norm(c, units, gain_c, bias_c, %1$s)
                  h = torch.mul(torch.sigmoid(o), torch.tanh(k))
                  y0 = torch.append(y, h)
                return torch.stack(y, 0)
            """);

    /** Pickle: the module's class, called without arguments, and its attributes, training = True. */
    private static final String OBJECT = "\u0080\u0002c__torch__\nNetwork\n)\u0081}(X\b\0\0\0training\u0088ub.";

    /** Pickle: no constants, ever. */
    private static final String CONSTANTS = "\u0080\u0002).";

    private final String method;

    TorchScript(String method) {
        this.method = method;
    }

    /** The archive. */
    byte[] archive(double epsilon) throws IOException {
        String source = """
                class Network(Module):
                  __parameters__ = []
                  __buffers__ = []
                  training : bool
                """ + method.formatted(Double.toString(epsilon));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            add(zip, "data.pkl", OBJECT.getBytes(StandardCharsets.ISO_8859_1));
            add(zip, "code/__torch__.py", source.getBytes(StandardCharsets.UTF_8));
            add(zip, "constants.pkl", CONSTANTS.getBytes(StandardCharsets.ISO_8859_1));
            add(zip, "version", "3\n".getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    /** Uncompressed, as libtorch writes them. */
    private static void add(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 checksum = new CRC32();
        checksum.update(content);
        ZipEntry entry = new ZipEntry("network/" + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(checksum.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }
}
