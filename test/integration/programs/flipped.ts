import sharp from "sharp";

export async function flipped(image: Buffer): Promise<Buffer> {
  return await sharp(image).rotate(90).toBuffer();
}
