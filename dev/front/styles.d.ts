/** Style sheets come as their text: see styles.mjs. */
declare module "*.css" {
  const text: string;
  export default text;
}
