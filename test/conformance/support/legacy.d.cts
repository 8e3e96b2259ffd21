export declare function double(n: number): number;
export declare class Thing {
  n: number;
}
export declare function where(): string;
